/* Between Python and the C library: the n-th call that touches files fails, or reads and writes come up short.

   Preloaded (LD_PRELOAD); nothing happens until faults_arm is called. What was called since is kept as letters:
   o open, w write, r read, s fsync of a file, S of a directory, n rename, u unlink, l flock, c close, d opendir. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static long left;     /* calls until one fails; 0: none does */
static int failure;   /* errno of the call that fails */
static size_t most;   /* bytes that a read or write may take; 0: all */
static int armed;
static char called[100000];
static size_t calls;

void faults_arm(long nth, int error, size_t bytes) { left = nth, failure = error, most = bytes, calls = 0, armed = 1; }

const char *faults_disarm(void) {
    armed = 0;
    called[calls] = 0;
    return called;
}

static int fails(char letter) {
    if (!armed) return 0;
    if (calls < sizeof called - 1) called[calls++] = letter;
    if (left == 0 || --left > 0) return 0;
    errno = failure;
    return 1;
}

static size_t allowed(size_t size) { return armed && most && size > most ? most : size; }

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        int mode = va_arg(rest, int); \
        va_end(rest); \
        return fails('o') ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return fails('w') ? -1 : real(file, data, allowed(size));
}

ssize_t read(int file, void *data, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    return fails('r') ? -1 : real(file, data, allowed(size));
}

int fsync(int file) {
    REAL(int, "fsync", int);
    struct stat about;
    return fails(fstat(file, &about) == 0 && S_ISDIR(about.st_mode) ? 'S' : 's') ? -1 : real(file);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return fails('n') ? -1 : real(from, to);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    return fails('u') ? -1 : real(path);
}

int flock(int file, int operation) {
    REAL(int, "flock", int, int);
    return fails('l') ? -1 : real(file, operation);
}

/* A close that fails has closed all the same. */
int close(int file) {
    REAL(int, "close", int);
    int failed = fails('c'), code = real(file);
    if (!failed) return code;
    errno = failure;
    return -1;
}

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    return fails('d') ? NULL : real(path);
}

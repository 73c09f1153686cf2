"""Files are replaced whole or not at all, and nothing is left lying about, whatever happens."""

from __future__ import annotations

import errno
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tinynn.storage import atomic
from tinynn.storage.atomic import replacing, sweep

ROOT = Path(__file__).resolve().parents[2]
needs_locks = pytest.mark.skipif(atomic.fcntl is None, reason="this system has no flock")


@pytest.fixture
def path(tmp_path):
    """A file with the content b"old", alone in its directory."""
    path = tmp_path / "file.npz"
    path.write_bytes(b"old")
    return path


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def write(path, content=b"new"):
    with replacing(path) as file:
        file.write(content)


def part_of(name, random="0123456789ab"):
    return f".{name}.{random}.part"


# ---- when all goes well ---------------------------------------------------------------------------


def test_the_new_content_is_there_after_the_block_and_not_before(path):
    with replacing(path) as file:
        file.write(b"new, and longer")
        file.flush()
        assert path.read_bytes() == b"old"
        (part,) = (name for name in names(path) if name != "file.npz")
        assert part.startswith(".file.npz.") and part.endswith(".part")
    assert path.read_bytes() == b"new, and longer"
    assert names(path) == ["file.npz"]
    assert file.closed


def test_a_file_that_was_not_there_a_str_and_a_short_content(tmp_path):
    write(str(tmp_path / "a"), b"")
    assert (tmp_path / "a").read_bytes() == b""


def test_what_was_written_can_be_read_again(path):
    with replacing(path) as file:
        file.write(b"12345")
        file.seek(1)
        assert file.read(2) == b"23"
        file.write(b"x")
    assert path.read_bytes() == b"123x5"


def test_a_relative_path_and_a_change_of_directory(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with replacing("file.npz") as file:
        monkeypatch.chdir("/")
        file.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_as_umask_wants_them(path, mask):
    before = os.umask(mask)
    try:
        write(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_symbolic_link_stays_and_what_it_points_at_is_replaced(path, tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "there" / "link"
    link.symlink_to(path)
    write(link)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    dangling = tmp_path / "there" / "dangling"
    dangling.symlink_to(tmp_path / "not yet")
    write(dangling, b"now")
    assert (tmp_path / "not yet").read_bytes() == b"now"
    assert sorted(os.listdir(tmp_path / "there")) == ["dangling", "link"]


def test_everything_is_forced_to_the_disk_in_the_right_order(path, monkeypatch):
    """The content before the renaming, the directory after it."""
    steps, fsync, replace = [], os.fsync, os.replace

    def note_fsync(descriptor):
        inode = os.fstat(descriptor).st_ino
        steps.append("directory" if inode == path.parent.stat().st_ino else os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", lambda *two: (steps.append("rename"), replace(*two)))
    write(path, b"12345")
    assert steps == [5, "rename", *(["directory"] if os.name != "nt" else [])]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_nothing_stays_open(path):
    before = len(os.listdir("/proc/self/fd"))
    write(path)
    sweep(path.parent)
    with pytest.raises(KeyboardInterrupt), replacing(path):
        raise KeyboardInterrupt
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_directory_that_cannot_be_forced_to_the_disk_is_no_error(path, monkeypatch):
    fsync, directory = os.fsync, path.parent.stat().st_ino

    def refuse(descriptor):
        if os.fstat(descriptor).st_ino == directory:
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    write(path)
    assert path.read_bytes() == b"new"


# ---- when something goes wrong --------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(path, error):
    with pytest.raises(type(error)) as caught, replacing(path) as file:
        file.write(b"half")
        raise error
    assert caught.value is error
    assert (path.read_bytes(), names(path)) == (b"old", ["file.npz"])
    assert file.closed


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_at_the_end_does_so_too(path, monkeypatch, function, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(error)) as caught:
        write(path)
    assert caught.value is error
    assert (path.read_bytes(), names(path)) == (b"old", ["file.npz"])


def test_an_error_names_the_file_and_says_that_the_old_one_is_untouched(path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        write(path)
    assert str(caught.value) == f"[Errno {errno.ENOSPC}] No space left on device: {str(path)!r}"
    assert caught.value.__notes__ == [f"{path} was not written; what was there before is untouched"]


def test_what_the_block_s_own_errors_say_stays(path):
    with pytest.raises(FileNotFoundError) as caught, replacing(path):
        open("no such file")  # noqa: SIM115
    assert caught.value.filename == "no such file"
    with pytest.raises(OSError) as caught, replacing(path):
        raise OSError("no number")
    assert str(caught.value) == "no number"
    with pytest.raises(OSError) as caught, replacing(path) as file:
        os.rename(file.name, path.parent / "no" / "such")
    assert caught.value.filename == file.name
    assert names(path) == ["file.npz"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits on files")
def test_a_disk_without_room(path):
    """Stood in for by a limit on the size of files: the system refuses to write more."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write(path, bytes(300_000))
        with pytest.raises(OSError), replacing(path) as file:
            for _ in range(300):  # what does not fit is noticed when the buffer is written
                file.write(bytes(1000))
        # Closing meets the full disk again; the interruption is what the caller must hear of.
        with pytest.raises(KeyboardInterrupt), replacing(path) as file:
            file.write(bytes(99_999))
            file.flush()
            file.write(bytes(2))
            raise KeyboardInterrupt
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert (path.read_bytes(), names(path)) == (b"old", ["file.npz"])


def test_a_directory_where_nothing_may_be_written(path, monkeypatch):
    """As the system would refuse it; for root, who may write everywhere, it never does."""

    def refuse(part, mode):
        assert mode == "x+b"
        raise PermissionError(errno.EACCES, "Permission denied", str(part))

    monkeypatch.setattr(atomic, "open", refuse, raising=False)
    with pytest.raises(PermissionError) as caught:
        write(path)
    assert str(caught.value) == f"[Errno {errno.EACCES}] Permission denied: {str(path)!r}"
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_where_nothing_may_be_written_in_earnest(path):
    path.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError) as caught:
            write(path)
    finally:
        path.parent.chmod(0o700)
    assert caught.value.filename == str(path)
    assert (path.read_bytes(), names(path)) == (b"old", ["file.npz"])


def test_targets_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory: .*/no'"):
        write(tmp_path / "no" / "file")
    with pytest.raises(FileNotFoundError, match="No such file or directory: .*/file'"):
        (tmp_path / "file").write_bytes(b"")
        write(tmp_path / "file" / "file")
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        write(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="expected a regular file, got a device, a pipe or a socket: .*pipe'"):
        write(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


# ---- what killed processes leave ------------------------------------------------------------------


@needs_locks
def test_a_part_of_a_dead_process_is_swept_with_the_next_write_of_that_file(path):
    (path.parent / part_of("file.npz")).write_bytes(b"half")
    others = [part_of("other.npz"), part_of("file.npz.npz"), part_of("file.npz", "0123456789a"), "file.npz.part"]
    others += [part_of("fileXnpz"), part_of("file.npz", "0123456789aX"), part_of("file.npz") + "s", part_of("")]
    for name in others:
        (path.parent / name).write_bytes(b"half")
    write(path)
    assert names(path) == sorted([*others, "file.npz"])


@needs_locks
def test_sweep_removes_the_parts_of_all_files_and_nothing_else(path):
    for name in ("a", "b.npz", "with\nnewline"):
        (path.parent / part_of(name)).write_bytes(b"half")
    (path.parent / part_of("directory")).mkdir()
    (path.parent / part_of("link")).symlink_to(path)
    (path.parent / "x.part").write_bytes(b"mine")
    sweep(path.parent)
    assert names(path) == sorted([part_of("directory"), part_of("link"), "file.npz", "x.part"])
    assert path.read_bytes() == b"old"


@needs_locks
def test_a_part_that_somebody_writes_stays(path):
    with replacing(path) as file:
        file.write(b"first")
        sweep(path.parent)
        write(path, b"second")
        assert path.read_bytes() == b"second"
        assert len(names(path)) == 2
    assert (path.read_bytes(), names(path)) == (b"first", ["file.npz"])


@needs_locks
def test_a_part_swept_before_it_was_locked_is_made_anew(path, monkeypatch):
    """The one moment at which a living part has no lock: another process may sweep right then."""
    flock, made = atomic.fcntl.flock, []

    def slow(file, how):
        if how == atomic.fcntl.LOCK_EX:
            made.append(file.name)
            if len(made) < 3:
                sweep(path.parent)
        flock(file, how)

    monkeypatch.setattr(atomic.fcntl, "flock", slow)
    write(path)
    assert len(set(made)) == 3
    assert (path.read_bytes(), names(path)) == (b"new", ["file.npz"])


@needs_locks
def test_the_lock_is_held_until_the_file_has_its_name(path, monkeypatch):
    replace = os.replace

    def swept(*two):
        sweep(path.parent)
        replace(*two)

    monkeypatch.setattr(os, "replace", swept)
    write(path)
    assert path.read_bytes() == b"new"


@needs_locks
@pytest.mark.parametrize("failure", ["no locks", "no module"])
def test_where_there_are_no_locks_files_are_replaced_all_the_same_and_parts_stay(path, monkeypatch, failure):
    (path.parent / part_of("file.npz")).write_bytes(b"half")

    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    if failure == "no locks":
        monkeypatch.setattr(atomic.fcntl, "flock", refuse)
    else:
        monkeypatch.setattr(atomic, "fcntl", None)
    with replacing(path) as file:
        file.write(b"new")
    assert (path.read_bytes(), names(path)) == (b"new", [part_of("file.npz"), "file.npz"])
    sweep(path.parent)
    assert names(path) == [part_of("file.npz"), "file.npz"]


def test_a_system_without_the_module_of_locks(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.spec_from_file_location("atomic_elsewhere", atomic.__file__)
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    with elsewhere.replacing(path) as file:
        file.write(b"new")
    assert (path.read_bytes(), names(path)) == (b"new", ["file.npz"])


def test_without_locks_the_file_is_closed_before_it_is_renamed(path, monkeypatch):
    """Windows renames no open file."""
    monkeypatch.setattr(atomic, "fcntl", None)
    replace, open_files = os.replace, []
    monkeypatch.setattr(os, "replace", lambda *two: (open_files.append(not file.closed), replace(*two)))
    with replacing(path) as file:
        file.write(b"new")
    assert open_files == [False]


# ---- other processes ------------------------------------------------------------------------------

WRITER = """
import sys
from tinynn.storage.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
    file.write(b", whole")
"""
REPEATER = """
import sys
from tinynn.storage.atomic import replacing
for _ in range(8):
    with replacing(sys.argv[1]) as file:
        for _ in range(20):
            file.write(sys.argv[2].encode() * 1000)
            file.flush()
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@needs_locks
def test_a_kill_in_mid_write_leaves_the_old_file_and_its_part_is_swept(path):
    with start(WRITER, path) as process:
        assert process.stdout.readline() == "writing\n"
        assert len(names(path)) == 2
        sweep(path.parent)
        assert len(names(path)) == 2  # it lives
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == b"old"
    assert len(names(path)) == 2
    write(path)
    assert (path.read_bytes(), names(path)) == (b"new", ["file.npz"])


@needs_locks
def test_another_process_that_writes_the_same_file_is_not_disturbed(path):
    with start(WRITER, path) as process:
        assert process.stdout.readline() == "writing\n"
        write(path, b"mine")
        assert path.read_bytes() == b"mine"
        process.communicate("go on\n")
    assert process.returncode == 0
    assert (path.read_bytes(), names(path)) == (b"half, whole", ["file.npz"])


@needs_locks
def test_two_processes_that_write_one_file_again_and_again(path):
    whole = {b"old", b"a" * 20_000, b"b" * 20_000}
    with start(REPEATER, path, "a") as first, start(REPEATER, path, "b") as second:
        while first.poll() is None or second.poll() is None:
            assert path.read_bytes() in whole
    assert (first.returncode, second.returncode) == (0, 0)
    assert path.read_bytes() in whole - {b"old"}
    assert names(path) == ["file.npz"]

"""Threads that share work: all is done, errors come back, nobody is left waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from tinynn import _workers
from tinynn._workers import run, set_workers


@pytest.fixture(autouse=True)
def one_worker():
    """One worker, however many cores there are."""
    before = set_workers(1)
    yield
    set_workers(before)


def together():
    """A function that returns once two threads are in it, so one of them is a worker; False after 10 s."""
    barrier = threading.Barrier(2)
    return lambda: barrier.wait(10)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_each_task_is_done_once(number, helpers):
    set_workers(helpers)
    for _ in range(20):
        done = []
        run([(done.append, (k,)) for k in range(number)])
        assert sorted(done) == list(range(number))


def test_two_threads_work_at_a_time():
    meet, names = together(), []

    def task():
        meet()
        names.append(threading.current_thread().name)

    run([(task, ()), (task, ())])
    assert sorted(names) == [threading.current_thread().name, "tinynn worker"]


def test_without_workers_the_caller_does_all_in_order():
    assert set_workers(0) == 1
    names = []
    run([(lambda k: names.append((k, threading.get_ident())), (k,)) for k in range(4)])
    assert names == [(k, threading.get_ident()) for k in range(4)]
    assert set_workers(1) == 0


def test_there_is_a_worker_for_each_further_core(monkeypatch):
    monkeypatch.setattr(_workers, "_workers", None)
    monkeypatch.setattr(_workers, "cores", lambda: 6)
    assert _workers.workers() == 5
    assert set_workers(2) == 5
    assert _workers.workers() == 2


def test_cores_are_those_that_may_be_used():
    assert 1 <= _workers.cores() <= (os.cpu_count() or 1)


def test_where_no_thread_can_be_started_the_caller_does_all(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_workers, "_crew", _workers._Crew())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    run([(done.append, (k,)) for k in range(3)])
    assert done == [0, 1, 2]


@pytest.mark.parametrize("worker_fails", [False, True])
def test_an_error_comes_back_when_all_are_done(worker_fails):
    meet, caller, finished = together(), threading.get_ident(), []

    def task():
        meet()
        if (threading.get_ident() == caller) != worker_fails:
            raise ValueError("no")
        threading.Event().wait(0.02)
        finished.append(True)

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            run([(task, ()), (task, ())])
        assert finished.pop()
    test_two_threads_work_at_a_time()


def test_a_task_may_run_tasks():
    done = []
    inner = [(done.append, (k,)) for k in range(3)]
    run([(run, (inner,)), (run, (inner,))])
    assert sorted(done) == [0, 0, 1, 1, 2, 2]


def test_two_callers_at_a_time():
    counts = [0, 0]

    def call(k):
        def add():
            done.append(k)

        for _ in range(200):
            done = []
            run([(add, ())] * 3)
            counts[k] += len(done)

    threads = [threading.Thread(target=call, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [600, 600]


def test_tasks_see_the_caller_s_errstate():
    meet, seen = together(), []

    def task():
        meet()
        seen.append(np.geterr()["over"])

    with np.errstate(over="ignore"):
        run([(task, ()), (task, ())])
    assert seen == ["ignore", "ignore"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
@pytest.mark.parametrize("seconds", [0.0, 0.05])  # when the caller is in its task, when it is waiting
def test_ctrl_c_waits_for_the_worker(seconds):
    meet, caller, finished = together(), threading.get_ident(), []

    def task():
        meet()
        if threading.get_ident() != caller:
            threading.Event().wait(seconds)
            signal.pthread_kill(caller, signal.SIGINT)
            threading.Event().wait(0.05)
            finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        run([(task, ()), (task, ())])
    assert finished
    test_two_threads_work_at_a_time()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or _workers.cores() < 2, reason="needs two cores of Linux")
def test_the_worker_keeps_off_the_caller_s_core():
    meet, seen = together(), []

    def task():
        meet()
        if threading.current_thread().name == "tinynn worker":
            seen.append(os.sched_getaffinity(0))

    allowed = os.sched_getaffinity(0)
    try:
        for core in sorted(allowed)[:2]:
            os.sched_setaffinity(0, {core})
            _workers._current_core()
            os.sched_setaffinity(0, allowed)
            run([(task, ()), (task, ())])
            assert len(seen.pop()) == len(allowed) - 1
            assert os.sched_getaffinity(0) == allowed
    finally:
        os.sched_setaffinity(0, allowed)


FORK = """
import os, threading
from tinynn._workers import run, set_workers
def share():
    barrier = threading.Barrier(2)
    run([(barrier.wait, (10,)), (barrier.wait, (10,))])
set_workers(1)
share()
child = os.fork()
share()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_workers_of_its_own():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60)

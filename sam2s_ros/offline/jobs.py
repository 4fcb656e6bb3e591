"""Several recordings, one after the other or in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event as ProcessEvent
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeAlias

from sam2s_ros.loaded_model import load_model
from sam2s_ros.offline.bag_tracking import Loader, Outcome, Progress, TrackingJob, track_recording
from sam2s_ros.offline.track_journal import TrackingStopped

LOOK_EVERY_S = 0.1
TELL_EVERY = 10  # images
THREAD = 'tracking a recording'
END_WITHIN_S = 30.0  # the image in work, or the loading of a model

Stopper: TypeAlias = 'Event | ProcessEvent'  # is set when nobody waits for the work any more
_STOPPERS: list[Stopper] = []  # of a process that is one of several


@dataclass(frozen=True)
class JobFailed:
    """Why a recording was not tracked, for a person."""

    reason: str


Told: TypeAlias = 'tuple[int, int] | Outcome | JobFailed'


@dataclass(frozen=True)
class JobNews:
    """Of which job, by its number, and what: images done and their total, or its end."""

    job: int
    what: Told


def run_jobs(jobs: Sequence[TrackingJob], processes: int, load: Loader = load_model) -> Generator[JobNews, None, None]:
    """Track recordings and tell how they go; one that fails does not keep the others from their end.

    Whoever closes it stops the work; what is saved of it stays saved.

    Args:
        jobs: What to do.
        processes: How many at a time; with one, in a thread of this process.
        load: Builds the trackers; has to be importable when there are several processes.
    """
    if min(processes, len(jobs)) > 1:
        yield from _in_processes(jobs, processes, load)
        return
    for number, job in enumerate(jobs):
        yield from _in_thread(number, job, load)


def _in_thread(number: int, job: TrackingJob, load: Loader) -> Iterator[JobNews]:
    """Work in a thread, so that telling goes on while an image is tracked."""
    news: Queue[JobNews] = Queue()
    is_over = Event()
    thread = Thread(target=_work, args=(number, job, load, news, is_over), name=THREAD, daemon=True)
    thread.start()
    try:
        while True:
            told = news.get()
            yield told
            if not isinstance(told.what, tuple):
                return
    finally:
        # A thread that is inside PyTorch when the process ends takes it down with an abort.
        is_over.set()
        thread.join(END_WITHIN_S)


def _in_processes(jobs: Sequence[TrackingJob], processes: int, load: Loader) -> Iterator[JobNews]:
    context = multiprocessing.get_context('spawn')  # PyTorch's threads do not survive a fork
    is_over = context.Event()
    pool = ProcessPoolExecutor(min(processes, len(jobs)), context, _begin_process, (is_over,))
    with context.Manager() as manager, pool:
        news = manager.Queue()
        running = {number: pool.submit(_work, number, job, load, news) for number, job in enumerate(jobs)}
        try:
            while running:
                try:
                    told: JobNews = news.get(timeout=LOOK_EVERY_S)
                except Empty:
                    yield from _broken(running)
                    continue
                if not isinstance(told.what, tuple):
                    del running[told.job]
                yield told
        except BaseException:
            is_over.set()
            pool.shutdown(cancel_futures=True)
            raise


def _begin_process(is_over: ProcessEvent) -> None:
    """Leave Ctrl-C to the parent, which says when it is over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _STOPPERS.append(is_over)


def _broken(running: dict[int, Future[None]]) -> Iterator[JobNews]:
    """The jobs whose process has died without a word."""
    for number, future in list(running.items()):
        if future.done() and isinstance(future.exception(), BrokenProcessPool):
            del running[number]
            yield JobNews(number, JobFailed('its process died, perhaps for want of memory; the same command goes on'))


def _work(number: int, job: TrackingJob, load: Loader, news: Queue[JobNews], stopper: Stopper | None = None) -> None:
    stoppers = (*_STOPPERS, stopper) if stopper else tuple(_STOPPERS)
    news.put(JobNews(number, _ended(number, job, load, partial(_tell, number, news, stoppers))))


def _ended(number: int, job: TrackingJob, load: Loader, tell: Progress) -> Outcome | JobFailed:
    try:
        return track_recording(job, tell, load)
    except (ValueError, OSError, TrackingStopped) as error:
        return JobFailed(str(error))
    except Exception as error:  # one recording must not take the others with it
        return JobFailed(f'{type(error).__name__}: {error}')


def _tell(number: int, news: Queue[JobNews], stoppers: Sequence[Stopper], done: int, total: int) -> None:
    if any(stopper.is_set() for stopper in stoppers):
        raise TrackingStopped('nobody waits for it any more')
    if done % TELL_EVERY == 0 or done == total:
        news.put(JobNews(number, (done, total)))

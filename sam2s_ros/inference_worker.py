"""The one thread that owns the tracker. Images wait in a bounded queue, commands in another; commands go first."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from sam2s_ros.image_ledger import DropReason, ImageLedger

Image = TypeVar('Image')
Result = TypeVar('Result')
Answer = TypeVar('Answer')

# A flood of commands must not starve the images: at most so many run between two of them.
COMMANDS_PER_IMAGE = 64


class TooManyCommands(RuntimeError):
    """The queue of waiting commands is full."""


class WorkerStopped(RuntimeError):
    """The worker does not run, so nothing would ever answer."""


class Work(Enum):
    """What the thread is at."""

    NOTHING = 'nothing'
    COMMAND = 'a request'
    IMAGE = 'an image'
    DELIVERY = 'publishing'


@dataclass(frozen=True)
class Activity:
    """What the thread is at, and since when, in nanoseconds of the steady clock."""

    work: Work
    since_ns: int

    @property
    def busy_s(self) -> float:
        """Seconds that the present work has taken so far; 0 when there is none."""
        return 0.0 if self.work is Work.NOTHING else (time.monotonic_ns() - self.since_ns) / 1e9


class InferenceWorker(Generic[Image, Result]):
    """Run ``track`` on images and commands between them, all in one thread.

    Args:
        track: Turns an image into a result; only ever called in the worker's thread.
        deliver: Takes each result with the number of images dropped since the one before; also in that thread.
        on_failure: Told of the exception when an image could not be tracked or delivered; says how to count it. The
            worker goes on.
        max_pending: Commands that may wait.
        depth: Images that may wait; the oldest is dropped for one more. With 1 the newest image always wins.
        ledger: Where tracked and dropped images are counted; arrivals are counted by whoever calls `offer`.
        begin: Begins with the image that comes next, while one is tracked. Where it says that it has, that image comes
            next whatever else arrives. Called in any thread, and must not wait.
    """

    def __init__(
        self,
        track: Callable[[Image], Result],
        deliver: Callable[[Result, int], None],
        on_failure: Callable[[Exception], DropReason],
        max_pending: int = 64,
        depth: int = 1,
        ledger: ImageLedger | None = None,
        begin: Callable[[Image], bool] | None = None,
    ) -> None:
        self._track = track
        self._deliver = deliver
        self._on_failure = on_failure
        self.max_pending = max_pending
        self._depth = depth
        self._ledger = ledger or ImageLedger()
        self._changed = threading.Condition()
        self._begin, self._begun = begin, deque[Image](maxlen=1)
        self._images: deque[Image] = deque()
        self._commands: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._refused_commands = 0
        self._told_dropped = 0
        self._is_running = False
        self._activity = Activity(Work.NOTHING, time.monotonic_ns())
        self._thread: threading.Thread | None = None

    @property
    def activity(self) -> Activity:
        return self._activity

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_died(self) -> bool:
        """Whether the thread ended though nobody stopped it."""
        with self._changed:
            return self._is_running and not self.is_alive

    @property
    def waiting_images(self) -> int:
        return len(self._begun) + len(self._images)

    @property
    def waiting_commands(self) -> int:
        return len(self._commands)

    @property
    def refused_commands(self) -> int:
        """Commands that found the queue full."""
        return self._refused_commands

    def start(self) -> None:
        """Begin, or begin again after `stop` or when the thread has died."""
        assert not self.is_alive
        with self._changed:
            self._is_running = True
            self._activity = Activity(Work.NOTHING, time.monotonic_ns())
            self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread after the work in hand; whether it ended in time. Nobody will hear of the image in work.

        Waiting commands are cancelled, waiting images dropped.
        """
        with self._changed:
            self._is_running = False
            self._ledger.drop(DropReason.STOPPED, self.waiting_images)
            self._begun.clear()
            self._images.clear()
            cancelled = [future for future, _ in self._commands]
            self._commands.clear()
            self._changed.notify()
        for future in cancelled:
            future.cancel()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_alive

    def offer(self, image: Image) -> None:
        """Give a new image; where the queue is full, the oldest that waits is dropped for it. Never blocks."""
        with self._changed:
            if not self._is_running:
                self._ledger.drop(DropReason.STOPPED)
                return
            if len(self._images) >= self._depth:
                self._images.popleft()
                self._ledger.drop(DropReason.SUPERSEDED if self._depth == 1 else DropReason.QUEUE_FULL)
            self._images.append(image)
            self._begin_next()
            self._changed.notify()

    def begin_next(self) -> None:
        """Begin with what waits; for whoever tracks, as soon as nothing that was begun is waited for."""
        with self._changed:
            self._begin_next()

    def submit(self, command: Callable[[], Answer]) -> Future[Answer]:
        """Queue a command for the worker's thread; commands run in order, before the next image.

        Raises:
            TooManyCommands: ``max_pending`` commands wait already.
            WorkerStopped: The worker is not running.
        """
        future: Future[Answer] = Future()
        with self._changed:
            if not self._is_running:
                raise WorkerStopped('the tracker is not running')
            if len(self._commands) >= self.max_pending:
                self._refused_commands += 1
                raise TooManyCommands(f'{self.max_pending} requests are waiting already; try again later')
            self._commands.append((future, command))
            self._changed.notify()
        return future

    def _run(self) -> None:
        while self._wait_for_work():
            for _ in range(COMMANDS_PER_IMAGE):
                if not self._run_next_command():
                    break
            self._track_next_image()

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_running or self._commands or self.waiting_images)
            return self._is_running

    def _run_next_command(self) -> bool:
        with self._changed:
            if not self._commands:
                return False
            future, command = self._commands.popleft()
        if not future.set_running_or_notify_cancel():
            return True
        with self._at(Work.COMMAND):
            try:
                future.set_result(command())
            except Exception as error:
                future.set_exception(error)
        return True

    def _track_next_image(self) -> None:
        with self._changed:
            if not self.waiting_images:
                return
            image = (self._begun or self._images).popleft()
            dropped = self._ledger.counts.all_dropped
        try:
            with self._at(Work.IMAGE):
                result = self._track(image)
            if not self._is_running:
                self._ledger.drop(DropReason.STOPPED)
                return
            with self._at(Work.DELIVERY):
                self._deliver(result, dropped - self._told_dropped)
        except Exception as error:
            self._survive(error)
            return
        except BaseException:  # the thread dies of it; `has_died` tells
            self._ledger.drop(DropReason.FAILED)
            raise
        self._told_dropped = dropped
        self._ledger.track()

    def _begin_next(self) -> None:
        """Have the next image begun, where one is tracked and none is begun yet. Holds the lock."""
        is_tracking = self._activity.work is Work.IMAGE
        if self._begin and is_tracking and self._images and not self._begun and self._begin(self._images[0]):
            self._begun.append(self._images.popleft())

    def _survive(self, error: Exception) -> None:
        reason = DropReason.FAILED
        with suppress(Exception):
            reason = self._on_failure(error)
        self._ledger.drop(reason)

    @contextmanager
    def _at(self, work: Work) -> Iterator[None]:
        self._activity = Activity(work, time.monotonic_ns())
        try:
            yield
        finally:
            self._activity = Activity(Work.NOTHING, time.monotonic_ns())

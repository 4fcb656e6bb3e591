"""The one thread that owns the tracker. The newest image wins; commands wait in a bounded queue and go first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Image = TypeVar('Image')
Result = TypeVar('Result')
Answer = TypeVar('Answer')

# A flood of commands must not starve the images: at most so many run between two of them.
COMMANDS_PER_IMAGE = 64


class TooManyCommands(RuntimeError):
    """The queue of waiting commands is full."""


class WorkerStopped(RuntimeError):
    """The worker does not run, so nothing would ever answer."""


@dataclass(frozen=True)
class ImageCounts:
    """What became of the images: received = tracked + dropped + failed, but for one that waits or is in work."""

    received: int = 0
    tracked: int = 0
    dropped: int = 0
    failed: int = 0


class InferenceWorker(Generic[Image, Result]):
    """Run ``track`` on the newest image and commands between images, all in one thread.

    Args:
        track: Turns an image into a result; only ever called in the worker's thread.
        deliver: Takes each result with the number of images dropped since the one before; also in that thread.
        on_failure: Told of the exception when an image could not be tracked or delivered. The worker goes on.
        max_pending: Commands that may wait.
    """

    def __init__(
        self,
        track: Callable[[Image], Result],
        deliver: Callable[[Result, int], None],
        on_failure: Callable[[Exception], None],
        max_pending: int = 64,
    ) -> None:
        self._track = track
        self._deliver = deliver
        self._on_failure = on_failure
        self._max_pending = max_pending
        self._changed = threading.Condition()
        self._waiting_image: Image | None = None
        self._commands: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._received = self._tracked = self._dropped = self._failed = 0
        self._dropped_since = 0
        self._is_running = False
        self._thread: threading.Thread | None = None

    @property
    def counts(self) -> ImageCounts:
        with self._changed:
            return ImageCounts(self._received, self._tracked, self._dropped, self._failed)

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin, or begin again after `stop`."""
        assert not self.is_alive
        self._is_running = True
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread after the work in hand; whether it ended in time. Waiting commands are cancelled."""
        with self._changed:
            self._is_running = False
            self._waiting_image = None
            cancelled = [future for future, _ in self._commands]
            self._commands.clear()
            self._changed.notify()
        for future in cancelled:
            future.cancel()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_alive

    def offer(self, image: Image) -> None:
        """Give a new image; one that still waits is dropped for it. Never blocks; does nothing after `stop`."""
        with self._changed:
            if not self._is_running:
                return
            self._received += 1
            if self._waiting_image is not None:
                self._dropped += 1
                self._dropped_since += 1
            self._waiting_image = image
            self._changed.notify()

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
            if len(self._commands) >= self._max_pending:
                raise TooManyCommands(f'{self._max_pending} requests are waiting already; try again later')
            self._commands.append((future, command))
            self._changed.notify()
        return future

    def _run(self) -> None:
        while self._wait_for_work():
            for _ in range(COMMANDS_PER_IMAGE):
                if not self._run_next_command():
                    break
            self._track_waiting_image()

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_running or self._commands or self._waiting_image is not None)
            return self._is_running

    def _run_next_command(self) -> bool:
        with self._changed:
            if not self._commands:
                return False
            future, command = self._commands.popleft()
        if not future.set_running_or_notify_cancel():
            return True
        try:
            future.set_result(command())
        except Exception as error:
            future.set_exception(error)
        return True

    def _track_waiting_image(self) -> None:
        with self._changed:
            if self._waiting_image is None:
                return
            image, self._waiting_image = self._waiting_image, None
            dropped, self._dropped_since = self._dropped_since, 0
        try:
            self._deliver(self._track(image), dropped)
        except Exception as error:
            self._survive(error, dropped)
            return
        with self._changed:
            self._tracked += 1

    def _survive(self, error: Exception, dropped: int) -> None:
        with self._changed:
            self._failed += 1
            self._dropped_since += dropped + 1  # the next result tells of these images and of the one that failed
        with suppress(Exception):
            self._on_failure(error)

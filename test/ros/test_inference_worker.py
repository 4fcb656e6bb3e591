"""One thread tracks the newest image; commands go first; nothing that fails ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sam2s_ros.image_ledger import DropReason, ImageCounts, ImageLedger
from sam2s_ros.inference_worker import InferenceWorker, TooManyCommands, Work, WorkerStopped

DEADLINE_S = 5.0
DEADLY = 666  # the image that ends the thread


class Desk:
    """A worker whose work waits at a gate until the test opens it, and notes what it did."""

    def __init__(self, max_pending: int = 4, depth: int = 1, begin: Callable[[int], bool] | None = None) -> None:
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.done: list[tuple[int, int]] = []
        self.errors: list[Exception] = []
        self.ledger = ImageLedger()
        self.worker: InferenceWorker[int, int] = InferenceWorker(
            self._begin_and_track, self.deliver, self.fail, max_pending, depth, self.ledger, begin
        )
        self.worker.start()

    def offer(self, image: int) -> None:
        self.ledger.receive()
        self.worker.offer(image)

    def fail(self, error: Exception) -> DropReason:
        self.errors.append(error)
        return DropReason.UNREADABLE

    def _begin_and_track(self, image: int) -> int:
        self.worker.begin_next()
        return self.track(image)

    def track(self, image: int) -> int:
        self.entered.release()
        assert self.gate.wait(DEADLINE_S)
        if image < 0:
            raise ValueError(f'image {image}')
        if image == DEADLY:
            raise SystemExit
        return image

    def deliver(self, result: int, dropped: int) -> None:
        self.done.append((result, dropped))

    def hold_with(self, image: int) -> None:
        """Have the worker begin with an image and wait at the gate."""
        self.offer(image)
        assert self.entered.acquire(timeout=DEADLINE_S)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.gate.set()
    assert desk.worker.stop(DEADLINE_S)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, 'did not happen in time'
        time.sleep(0.002)


def test_the_newest_waiting_image_wins_and_the_dropped_are_counted(desk: Desk) -> None:
    desk.hold_with(1)
    for image in (2, 3, 4):
        desk.offer(image)
    desk.gate.set()
    eventually(lambda: len(desk.done) == 2)
    assert desk.done == [(1, 0), (4, 2)]
    eventually(lambda: desk.ledger.counts == ImageCounts(4, 2, {DropReason.SUPERSEDED: 2}))


def test_an_image_that_was_begun_comes_next_and_the_newest_after_it() -> None:
    begun: list[int] = []

    def begin(image: int) -> bool:
        begun.append(image)
        return True

    desk = Desk(begin=begin)
    desk.hold_with(1)
    for image in (2, 3, 4):
        desk.offer(image)
    assert (begun, desk.worker.waiting_images) == ([2], 2)
    desk.gate.set()
    eventually(lambda: len(desk.done) == 3)
    assert desk.done == [(1, 0), (2, 1), (4, 0)]
    assert begun[-1] == 4
    assert desk.worker.stop(DEADLINE_S)


def test_an_image_that_could_not_be_begun_makes_way_for_a_newer_one() -> None:
    begun: list[int] = []
    desk = Desk(begin=lambda image: bool(begun.append(image)))
    desk.hold_with(1)
    for image in (2, 3):
        desk.offer(image)
    desk.gate.set()
    eventually(lambda: len(desk.done) == 2)
    assert (begun[:2], [image for image, _ in desk.done]) == ([2, 3], [1, 3])
    assert desk.worker.stop(DEADLINE_S)


def test_commands_run_in_order_and_before_the_waiting_image(desk: Desk) -> None:
    desk.hold_with(1)
    desk.offer(2)
    seen: list[list[tuple[int, int]]] = []
    order: list[int] = []
    futures = [desk.worker.submit(lambda n=n: (order.append(n), seen.append(list(desk.done)))) for n in range(3)]
    desk.gate.set()
    for future in futures:
        future.result(DEADLINE_S)
    assert order == [0, 1, 2]
    assert seen == [[(1, 0)]] * 3


def test_a_command_runs_in_the_worker_thread_and_answers(desk: Desk) -> None:
    assert desk.worker.submit(lambda: threading.current_thread().name).result(DEADLINE_S) == 'inference'


def test_a_failing_command_answers_with_its_exception_and_the_next_one_runs(desk: Desk) -> None:
    failing = desk.worker.submit(lambda: 1 // 0)
    assert desk.worker.submit(lambda: 'alive').result(DEADLINE_S) == 'alive'
    with pytest.raises(ZeroDivisionError):
        failing.result(DEADLINE_S)


def test_a_failing_image_is_reported_and_the_next_one_is_tracked(desk: Desk) -> None:
    desk.gate.set()
    desk.offer(-1)
    eventually(lambda: len(desk.errors) == 1)
    desk.offer(2)
    eventually(lambda: desk.ledger.counts == ImageCounts(2, 1, {DropReason.UNREADABLE: 1}))
    assert desk.done == [(2, 1)]


def test_a_failing_failure_report_does_not_end_the_worker() -> None:
    def raising(_: object) -> Any:
        raise RuntimeError

    worker: InferenceWorker[int, int] = InferenceWorker(raising, lambda result, dropped: None, raising)
    worker.start()
    worker.offer(1)
    assert worker.submit(lambda: 'alive').result(DEADLINE_S) == 'alive'
    assert worker.stop(DEADLINE_S)


def test_more_commands_than_may_wait_are_refused(desk: Desk) -> None:
    desk.hold_with(1)
    for _ in range(4):
        desk.worker.submit(lambda: None)
    with pytest.raises(TooManyCommands, match='4 requests'):
        desk.worker.submit(lambda: None)


def test_a_flood_of_commands_does_not_starve_the_images() -> None:
    desk = Desk(max_pending=1000)
    desk.hold_with(1)
    desk.offer(2)
    done_before_last: list[int] = []
    futures = [desk.worker.submit(lambda: done_before_last.append(len(desk.done))) for _ in range(500)]
    desk.gate.set()
    futures[-1].result(DEADLINE_S)
    assert done_before_last[0] == 1
    assert done_before_last[-1] == 2
    assert desk.worker.stop(DEADLINE_S)


def test_stop_cancels_what_waits_and_refuses_more(desk: Desk) -> None:
    desk.hold_with(1)
    waiting = desk.worker.submit(lambda: None)
    desk.offer(2)
    waiting.add_done_callback(lambda _: desk.gate.set())
    assert desk.worker.stop(DEADLINE_S)
    assert waiting.cancelled()
    assert desk.done == []
    assert desk.ledger.counts == ImageCounts(2, 0, {DropReason.STOPPED: 2})
    with pytest.raises(WorkerStopped):
        desk.worker.submit(lambda: None)


def test_stop_says_so_when_the_work_in_hand_does_not_end(desk: Desk) -> None:
    desk.hold_with(1)
    assert not desk.worker.stop(0.01)


def test_counts_always_add_up_under_load() -> None:
    ledger = ImageLedger()
    worker: InferenceWorker[int, int] = InferenceWorker(
        lambda image: image, lambda result, dropped: None, lambda error: DropReason.FAILED, ledger=ledger
    )
    worker.start()
    for image in range(2000):
        ledger.receive()
        worker.offer(image)
    eventually(lambda: (counts := ledger.counts).tracked + counts.all_dropped == 2000)
    assert worker.stop(DEADLINE_S)


def test_a_queue_of_some_depth_keeps_the_order_and_drops_the_oldest() -> None:
    desk = Desk(depth=3)
    desk.hold_with(1)
    for image in (2, 3, 4, 5):
        desk.offer(image)
    assert desk.worker.waiting_images == 3
    desk.gate.set()
    eventually(lambda: len(desk.done) == 4)
    assert desk.done == [(1, 0), (3, 1), (4, 0), (5, 0)]
    assert desk.ledger.counts.dropped == {DropReason.QUEUE_FULL: 1}
    assert desk.worker.stop(DEADLINE_S)


def test_images_offered_after_the_stop_are_counted(desk: Desk) -> None:
    assert desk.worker.stop(DEADLINE_S)
    desk.offer(1)
    assert desk.ledger.counts == ImageCounts(1, 0, {DropReason.STOPPED: 1})


def test_the_thread_says_what_it_is_at(desk: Desk) -> None:
    assert (desk.worker.activity.work, desk.worker.activity.busy_s) == (Work.NOTHING, 0.0)
    desk.hold_with(1)
    assert desk.worker.activity.work is Work.IMAGE
    eventually(lambda: desk.worker.activity.busy_s > 0.01)
    desk.gate.set()
    eventually(lambda: desk.worker.activity.work is Work.NOTHING)


def test_refused_commands_are_counted(desk: Desk) -> None:
    desk.hold_with(1)
    for _ in range(4):
        desk.worker.submit(lambda: None)
    for _ in range(3):
        with pytest.raises(TooManyCommands):
            desk.worker.submit(lambda: None)
    assert (desk.worker.waiting_commands, desk.worker.refused_commands) == (4, 3)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_thread_that_died_is_noticed_and_can_be_started_again(desk: Desk) -> None:
    desk.gate.set()
    assert not desk.worker.has_died
    desk.offer(DEADLY)
    eventually(lambda: desk.worker.has_died)
    desk.offer(2)
    desk.worker.start()
    eventually(lambda: desk.done == [(2, 1)])
    assert desk.ledger.counts == ImageCounts(2, 1, {DropReason.FAILED: 1})

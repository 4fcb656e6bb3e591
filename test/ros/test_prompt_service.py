"""A request waits for the worker with a limit, and always hears what became of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from sam2s_msgs.msg import Prompt, PromptResult
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.inference_worker import InferenceWorker
from sam2s_ros.prompt_codes import PromptCode
from sam2s_ros.prompt_service import PromptService
from sam2s_ros.prompting import BatchOutcome, PromptOutcome

WAITING = 3  # requests that may wait
BOX = Prompt(object_id='a', box=[1.0, 1.0, 9.0, 9.0])


class SlowSession:
    """Answers every batch with OK, or raises; waits at a gate before."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.applied: list[int] = []
        self.held: list[str] = []
        self.session_id = 'session'

    def remembered(self, stamp_ns: int) -> str:
        return f'{stamp_ns} when {len(self.applied)} were applied'

    def add_prompts(self, requests: list[Any], stamp_ns: int, atomic: bool, held: str) -> BatchOutcome:
        assert self.gate.wait(5.0)
        self.held.append(held)
        if self.error is not None:
            raise self.error
        self.applied.append(stamp_ns)
        return BatchOutcome(tuple(PromptOutcome(request.object_id, PromptCode.OK) for request in requests))

    def reset(self) -> None:
        assert self.gate.wait(5.0)
        self.session_id = 'new'


class Reception:
    """A service with its worker and session, and what it logged."""

    def __init__(self) -> None:
        self.session = SlowSession()
        self.worker: InferenceWorker[int, int] = InferenceWorker(
            lambda i: i, lambda r, d: None, lambda e: None, WAITING
        )
        self.log: list[str] = []
        logger = SimpleNamespace(error=lambda text, **_: self.log.append(text))
        self.service = PromptService(self.worker, self.session, max_wait_s=0.2, logger=logger)  # type: ignore[arg-type]
        self.worker.start()

    def add(self, *prompts: Prompt, **options: Any) -> AddPrompts.Response:
        request = AddPrompts.Request(prompts=list(prompts or (BOX,)), **options)
        return self.service.add_prompts(request, AddPrompts.Response())


@pytest.fixture
def reception() -> Iterator[Reception]:
    reception = Reception()
    yield reception
    reception.session.gate.set()
    assert reception.worker.stop(5.0)


def test_an_applied_prompt_is_ok(reception: Reception) -> None:
    response = reception.add()
    assert (response.success, response.code, response.results[0].object_id) == (True, PromptResult.OK, 'a')


@pytest.mark.parametrize('timeout', [100.0, float('nan'), float('inf')])
def test_who_asks_for_masks_waits_at_most_as_long_as_the_node_allows(reception: Reception, timeout: float) -> None:
    reception.session.gate.clear()
    response = reception.add(return_masks=True, timeout=timeout)
    assert (response.success, response.code) == (False, PromptResult.TIMEOUT)
    assert '0.2 s' in response.message


@pytest.mark.parametrize('timeout', [0.0, -1.0, 0.01])
def test_who_does_not_ask_for_masks_is_queued_and_applied_later(reception: Reception, timeout: float) -> None:
    reception.session.gate.clear()
    response = reception.add(timeout=timeout)
    assert (response.success, response.code) == (True, PromptResult.QUEUED)
    assert response.results[0].code == PromptResult.QUEUED
    reception.session.gate.set()
    reception.worker.submit(lambda: None).result(5.0)
    assert reception.session.applied == [0]


def test_the_image_of_a_prompt_is_looked_for_when_it_comes_and_not_when_its_turn_has_come(reception: Reception) -> None:
    reception.session.gate.clear()
    for second in (1, 2):
        reception.add(header=Header(stamp=Time(sec=second)), timeout=0.01)
    reception.session.gate.set()
    reception.worker.submit(lambda: None).result(5.0)
    assert reception.session.held == ['1000000000 when 0 were applied', '2000000000 when 0 were applied']


def test_requests_beyond_the_queue_hear_busy_at_once(reception: Reception) -> None:
    reception.session.gate.clear()
    started = threading.Event()
    reception.worker.submit(lambda: (started.set(), reception.session.gate.wait(5.0)))
    assert started.wait(5.0)
    for _ in range(WAITING):
        reception.worker.submit(lambda: None)
    response = reception.add()
    assert (response.success, response.code) == (False, PromptResult.BUSY)


def test_after_the_end_of_the_worker_requests_hear_not_active(reception: Reception) -> None:
    reception.worker.stop(5.0)
    assert reception.add().code == PromptResult.NOT_ACTIVE
    assert not reception.service.reset(Trigger.Request(), Trigger.Response()).success


@pytest.mark.parametrize(
    ('error', 'code'), [(RuntimeError('bug'), PromptResult.INTERNAL), (MemoryError(), PromptResult.OOM)]
)
def test_an_error_of_ours_is_answered_too(reception: Reception, error: Exception, code: int) -> None:
    reception.session.error = error
    response = reception.add()
    assert (response.success, response.code) == (False, code)
    assert response.message
    assert bool(reception.log) == (code == PromptResult.INTERNAL)


def test_every_prompt_of_a_refused_request_has_its_result(reception: Reception) -> None:
    reception.session.error = RuntimeError('bug')
    assert [result.code for result in reception.add(BOX, BOX).results] == [PromptResult.INTERNAL] * 2


def test_reset_tells_the_new_session(reception: Reception) -> None:
    response = reception.service.reset(Trigger.Request(), Trigger.Response())
    assert (response.success, response.message) == (True, 'new session new')

"""Answers requests that prompt, and ~/reset. The worker works; a request only waits for it, and not for ever."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime
from functools import partial
from typing import Any

from geometry_msgs.msg import Point32
from rclpy.impl.rcutils_logger import RcutilsLogger
from std_srvs.srv import Trigger

from sam2s_model import InvalidPrompt
from sam2s_msgs.msg import Prompt
from sam2s_msgs.srv import AddBox, AddPoints, AddPrompts
from sam2s_ros.conversions import prompt_request, prompt_result, stamp_ns, time_message, track_array
from sam2s_ros.inference_worker import InferenceWorker, TooManyCommands, WorkerStopped
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompting import BatchOutcome, PromptOutcome, PromptRefused
from sam2s_ros.tracking_session import TrackingSession

Apply = Callable[..., BatchOutcome]  # takes the prompts, the stamp of their image, and the image where it is remembered


class PromptService:
    """Brings requests to the session in the worker's thread and its answers back.

    Args:
        worker: The thread that owns the session.
        session: What the requests are for.
        max_wait_s: Longest time that a request may wait.
        logger: Told of errors of ours.
    """

    def __init__(
        self,
        worker: InferenceWorker[Any, Any],
        session: TrackingSession,
        max_wait_s: float,
        logger: RcutilsLogger,
    ) -> None:
        self._worker = worker
        self._session = session
        self.max_wait_s = max_wait_s
        self._logger = logger

    def add_prompts(self, request: AddPrompts.Request, response: AddPrompts.Response) -> AddPrompts.Response:
        """Apply a batch of prompts, or say for each one why not."""
        apply = partial(self._session.add_prompts, atomic=request.atomic)
        return self._answer(request, response, apply, with_masks=request.return_masks)

    def segment_once(self, request: AddPrompts.Request, response: AddPrompts.Response) -> AddPrompts.Response:
        """Show what prompts would find, and forget it."""
        return self._answer(request, response, self._session.preview, with_masks=True)

    def add_points(self, request: AddPoints.Request, response: AddPoints.Response) -> AddPoints.Response:
        """One object by points; a known one is corrected."""
        labels = list(request.point_labels) or [1] * (len(request.points) // 2)
        pairs = zip(request.points[::2], request.points[1::2], strict=False)
        points = [Point32(x=x, y=y) for x, y in pairs]
        if len(request.points) % 2:
            response.message = f'points: expected x and y of each, came {len(request.points)} numbers'
            response.result.code = int(PromptCode.INVALID)
            return response
        prompt = Prompt(points=points, point_labels=labels)
        return self._answer_one(request, response, prompt, PromptMode.CORRECT)

    def add_box(self, request: AddBox.Request, response: AddBox.Response) -> AddBox.Response:
        """One object by a box; a known one is replaced."""
        return self._answer_one(request, response, Prompt(box=list(request.box)), PromptMode.REPLACE)

    def _answer_one(self, request: Any, response: Any, prompt: Prompt, mode_if_known: PromptMode) -> Any:
        prompt.object_id, prompt.label = request.object_id, request.label
        prompt.mode = int(mode_if_known if request.object_id in self._session.object_ids else PromptMode.NEW)
        batch = self.add_prompts(
            AddPrompts.Request(prompts=[prompt], return_masks=True, timeout=self.max_wait_s), AddPrompts.Response()
        )
        response.success, response.message = batch.success, batch.message
        response.result = batch.results[0]
        return response

    def _answer(
        self, request: AddPrompts.Request, response: AddPrompts.Response, apply: Apply, with_masks: bool
    ) -> AddPrompts.Response:
        ids = [prompt.object_id for prompt in request.prompts]
        try:
            if not ids:
                raise PromptRefused(PromptCode.INVALID, 'the request holds no prompt')
            batch = self.ask(self._reading(request, apply), self._wait_s(request.timeout))
        except PromptRefused as refusal:
            code = _code_for(refusal, with_masks)
            batch = BatchOutcome(tuple(PromptOutcome(object_id, code, str(refusal)) for object_id in ids))
            response.message, response.code = str(refusal), int(code)
        return _filled(response, batch, with_masks)

    def _reading(self, request: AddPrompts.Request, apply: Apply) -> Callable[[], BatchOutcome]:
        """Read the prompts, and hold on to their image: before their turn comes, it may be forgotten."""
        try:
            requests = [prompt_request(prompt) for prompt in request.prompts]
        except InvalidPrompt as error:
            raise PromptRefused(PromptCode.INVALID, str(error)) from error
        stamp = stamp_ns(request.header.stamp)
        return partial(apply, requests, stamp, held=self._session.remembered(stamp))

    def reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Forget all objects and begin a new session."""
        try:
            self.ask(self._session.reset)
        except PromptRefused as refusal:
            response.message = str(refusal)
            return response
        response.success, response.message = True, f'new session {self._session.session_id}'
        return response

    def _wait_s(self, asked_s: float) -> float:
        return min(max(asked_s, 0.0), self.max_wait_s) if math.isfinite(asked_s) else self.max_wait_s

    def ask(self, command: Callable[[], Any], timeout_s: float | None = None) -> Any:
        """Have the worker run a command and wait for its result; None waits as long as is allowed.

        Raises:
            PromptRefused: There is none, for whatever reason.
        """
        timeout_s = self.max_wait_s if timeout_s is None else timeout_s
        try:
            return self._worker.submit(command).result(timeout_s)
        except PromptRefused:
            raise
        except TooManyCommands as error:
            raise PromptRefused(PromptCode.BUSY, str(error)) from error
        except (WorkerStopped, CancelledError) as error:
            raise PromptRefused(PromptCode.NOT_ACTIVE, 'the tracker is not active') from error
        except NotInTime as error:
            reason = f'no result within {timeout_s:g} s; it may still be applied'
            raise PromptRefused(PromptCode.TIMEOUT, reason) from error
        except MemoryError as error:
            raise PromptRefused(PromptCode.OOM, str(error) or 'out of memory') from error
        except Exception as error:
            self._logger.error(f'a request failed:\n{traceback.format_exc()}', throttle_duration_sec=5.0)
            raise PromptRefused(PromptCode.INTERNAL, f'{type(error).__name__}: {error}') from error


def _code_for(refusal: PromptRefused, wants_masks: bool) -> PromptCode:
    """Who did not ask for masks need not wait: the prompts are queued then."""
    return PromptCode.QUEUED if refusal.code == PromptCode.TIMEOUT and not wants_masks else refusal.code


def _filled(response: AddPrompts.Response, batch: BatchOutcome, with_masks: bool) -> AddPrompts.Response:
    response.results = [prompt_result(outcome) for outcome in batch.outcomes]
    refusal = batch.first_refusal
    if refusal is not None:
        response.code, response.message = int(refusal.code), refusal.message
    response.success = response.code in (PromptCode.OK, PromptCode.QUEUED)
    if batch.tracked is not None:
        response.applied_stamp = time_message(batch.tracked.image.stamp_ns)
        if with_masks:
            response.tracks = track_array(batch.tracked)
    return response

"""Scripted prompts as requests to a tracker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_msgs.msg import Prompt, PromptResult
from sam2s_msgs.srv import AddPrompts, RemoveObjects
from sam2s_ros.prompt_script import PromptScript, ScriptedPrompt, ScriptedRemoval, ScriptEntry
from sam2s_ros.script_prompter import ScriptPrompter, prompt_message

TOPIC, SECOND = '/camera/compressed', 10**9
BOX = ScriptedPrompt(2 * SECOND, 'tool', 'grasper', BoxPrompt((1, 2, 3, 4)))
CLICK = ScriptedPrompt(4 * SECOND, 'tool', '', PointPrompt(((5, 6), (7, 8)), (1, 0)))


class ScriptedTracker:
    """A service that answers as told and remembers what it was asked."""

    def __init__(self, bench: Any, codes: list[int]) -> None:
        self.requests: list[AddPrompts.Request] = []
        self._codes = codes
        self._service = bench.node.create_service(AddPrompts, '/tracker/add_prompts', self._answer)
        self.removed: list[tuple[int, list[str]]] = []  # after how many requests, and whom
        self._remover = bench.node.create_service(RemoveObjects, '/tracker/remove_objects', self._remove)
        self._images = bench.node.create_publisher(CompressedImage, TOPIC, QoSProfile(depth=50))
        self._bench = bench

    def _answer(self, request: AddPrompts.Request, response: AddPrompts.Response) -> AddPrompts.Response:
        self.requests.append(request)
        response.code = self._codes.pop(0) if self._codes else PromptResult.OK
        response.success = response.code == PromptResult.OK
        response.message = '' if response.success else 'because'
        return response

    def _remove(self, request: RemoveObjects.Request, response: RemoveObjects.Response) -> RemoveObjects.Response:
        self.removed.append((len(self.requests), list(request.object_ids)))
        response.success = True
        return response

    def show(self, seconds: int) -> None:
        """Publish an image of that stamp."""
        image = CompressedImage()
        image.header.stamp.sec = seconds
        self._images.publish(image)
        time.sleep(0.15)

    def stamps(self) -> list[int]:
        return [request.header.stamp.sec for request in self.requests]

    def close(self) -> None:
        self._bench.node.destroy_service(self._service)
        self._bench.node.destroy_service(self._remover)
        self._bench.node.destroy_publisher(self._images)


@pytest.fixture
def prompting(bench: Any, ros_domain: int, until: Callable[..., None]) -> Iterator[Callable[..., Any]]:
    """Start a prompter for a script beside a tracker with given answers."""
    rclpy.init(domain_id=ros_domain)
    executor = SingleThreadedExecutor()
    started: list[tuple[ScriptPrompter, ScriptedTracker]] = []

    def start(*prompts: ScriptEntry, codes: tuple[int, ...] = ()) -> tuple[ScriptPrompter, ScriptedTracker]:
        tracker = ScriptedTracker(bench, list(codes))
        prompter = ScriptPrompter(PromptScript(TOPIC, prompts), TOPIC, CompressedImage, 'tracker')
        executor.add_node(prompter)
        threading.Thread(target=executor.spin, daemon=True).start()
        started.append((prompter, tracker))
        assert prompter.wait_for_tracker(10)
        until(lambda: bench.node.count_subscribers(TOPIC) == 1)
        time.sleep(0.2)
        return prompter, tracker

    yield start
    executor.shutdown()
    for prompter, tracker in started:
        prompter.destroy_node()
        tracker.close()
    rclpy.try_shutdown()


@pytest.mark.ros
def test_a_prompt_waits_for_its_image(prompting: Callable[..., Any], until: Callable[..., None]) -> None:
    prompter, tracker = prompting(BOX)
    tracker.show(1)
    assert tracker.requests == []
    tracker.show(2)
    until(lambda: prompter.is_done)
    assert tracker.stamps() == [2]


@pytest.mark.ros
def test_the_first_prompt_adds_and_the_next_corrects(prompting: Callable[..., Any], until: Callable[..., None]) -> None:
    prompter, tracker = prompting(BOX, CLICK)
    for second in (2, 4):
        tracker.show(second)
    until(lambda: prompter.is_done)
    assert [request.prompts[0].mode for request in tracker.requests] == [Prompt.NEW, Prompt.CORRECT]


@pytest.mark.ros
def test_a_prompt_that_came_before_its_image_is_tried_again(
    prompting: Callable[..., Any], until: Callable[..., None]
) -> None:
    prompter, tracker = prompting(BOX, codes=(PromptResult.NO_IMAGE, PromptResult.STALE_STAMP))
    for second in (2, 3, 4):
        tracker.show(second)
    until(lambda: prompter.is_done)
    assert tracker.stamps() == [2, 2, 2]
    assert prompter.failures == []


@pytest.mark.ros
def test_a_prompt_whose_image_was_lost_is_given_on_a_later_one(
    prompting: Callable[..., Any], until: Callable[..., None]
) -> None:
    prompter, tracker = prompting(BOX, codes=(PromptResult.STALE_STAMP,) * 12)
    for second in range(3, 20):
        tracker.show(second)
    until(lambda: prompter.is_done)
    assert tracker.stamps()[0] == 2
    assert tracker.stamps()[-1] > 2


@pytest.mark.ros
def test_a_refusal_is_kept_with_its_reason(prompting: Callable[..., Any], until: Callable[..., None]) -> None:
    prompter, tracker = prompting(BOX, codes=(PromptResult.OUT_OF_IMAGE,))
    tracker.show(2)
    until(lambda: prompter.is_done)
    assert prompter.failures == ['prompt of tool: because']


def test_a_box_becomes_a_message() -> None:
    message = prompt_message(BOX, is_new=True)
    assert (message.object_id, message.label, list(message.box)) == ('tool', 'grasper', [1, 2, 3, 4])


def test_clicks_become_a_message() -> None:
    message = prompt_message(CLICK, is_new=False)
    assert [(point.x, point.y) for point in message.points] == [(5, 6), (7, 8)]
    assert list(message.point_labels) == [1, 0]


def test_a_mask_becomes_a_message() -> None:
    mask = np.arange(12).reshape(3, 4) % 3 == 0
    (image,) = prompt_message(ScriptedPrompt(0, 'a', '', MaskPrompt(mask)), is_new=True).mask
    assert (image.height, image.width, image.encoding) == (3, 4, 'mono8')
    np.testing.assert_array_equal(np.frombuffer(image.data, np.uint8).reshape(3, 4) != 0, mask)


def test_a_removal_comes_at_its_stamp_and_a_later_prompt_of_the_name_is_for_a_new_object(
    prompting: Callable[..., Any], until: Callable[..., None]
) -> None:
    prompter, tracker = prompting(BOX, ScriptedRemoval(3 * SECOND, 'tool'), CLICK)
    for seconds in (1, 2, 3, 4, 5):
        tracker.show(seconds)
    until(lambda: prompter.is_done)
    assert tracker.removed == [(1, ['tool'])]
    assert [request.prompts[0].mode for request in tracker.requests] == [Prompt.NEW, Prompt.NEW]
    assert prompter.failures == []

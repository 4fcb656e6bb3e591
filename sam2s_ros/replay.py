"""A recording through the tracker over real DDS, all in one process: player, tracker, prompter and recorder."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node

from sam2s_ros.bag_io import BagReader, BagWriter, SerializedImage
from sam2s_ros.bag_player import IMAGE_TYPES, BagPlayer, Playback
from sam2s_ros.bag_types import COMPRESSED_IMAGE
from sam2s_ros.output_recorder import OutputRecorder
from sam2s_ros.prompt_script import PromptScript
from sam2s_ros.script_prompter import ScriptPrompter
from sam2s_ros.tracker_node import EXECUTOR_THREADS, TrackerNode

TRACKER = 'sam2s_tracker'
READY_WITHIN_S = 60.0
LAST_RESULT_WITHIN_S = 10.0
OUTPUTS_AFTER_RESULT_S = 0.5  # label image and overlay follow the tracks of their image


class ReplayFailed(RuntimeError):
    """The replay could not start; the message says what was missing."""


@dataclass(frozen=True)
class ReplayJob:
    """What to replay.

    Attributes:
        bag: The recording.
        topic: Its image topic.
        script: The prompts to give.
        output: Path of the new recording of the tracker's outputs.
        playback: Speed and start.
        parameters: Parameters of the tracker node, by name.
    """

    bag: Path
    topic: str
    script: PromptScript
    output: Path
    playback: Playback = field(default_factory=Playback)
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class ReplayLog:
    """When each image went in and its result came out.

    Attributes:
        frames_published: Number of images that went in.
        published_ns: Image stamp to the moment it was published, nanoseconds of the steady clock.
        received_ns: Image stamp to the moment its result arrived at the recorder, on the same clock.
        failed_prompts: One line for each prompt that was refused or never answered.
    """

    frames_published: int = 0
    published_ns: dict[int, int] = field(default_factory=dict)
    received_ns: dict[int, int] = field(default_factory=dict)
    failed_prompts: list[str] = field(default_factory=list)

    @property
    def latencies_ms(self) -> list[float]:
        """Milliseconds from publishing an image to receiving its result, for every image that was tracked."""
        return [(arrived - self.published_ns[stamp]) / 1e6 for stamp, arrived in self.received_ns.items()]

    @property
    def results_per_second(self) -> float:
        """From the first result to the last; 0 when there are not two."""
        moments = sorted(self.received_ns.values())
        return (len(moments) - 1) / (moments[-1] - moments[0]) * 1e9 if len(moments) > 1 else 0.0


def replay(
    job: ReplayJob, on_published: Callable[[], None] = lambda: None, on_result: Callable[[], None] = lambda: None
) -> ReplayLog:
    """Play a recording to the tracker, prompt it, record its outputs; return when the last result has arrived.

    Args:
        job: What to replay.
        on_published, on_result: Called for each image that goes in and each result that comes out, for a progress bar.

    Raises:
        ReplayFailed: The tracker did not come up.
        UnreadableBag, FileExistsError: The recording cannot be read, or the output is there already.
    """
    log = ReplayLog()
    note_result = partial(_note_result, log, on_result)
    with BagReader(job.bag) as bag, BagWriter(job.output) as writer, _ros(_arguments(job, bag)):
        with _composed(job, bag, writer, note_result) as nodes, _tracking(nodes.tracker), _spinning(nodes):
            _wait_until_connected(nodes)
            _play(nodes.player, log, on_published)
            _wait_for_result(log)
        log.failed_prompts += nodes.prompter.failures
        if not nodes.prompter.is_done:
            log.failed_prompts.append(
                'some prompts were never answered: their images did not come, or the tracker hung'
            )
    return log


@dataclass(frozen=True)
class _Nodes:
    tracker: TrackerNode
    player: BagPlayer
    prompter: ScriptPrompter
    recorder: OutputRecorder

    @property
    def around(self) -> tuple[Node, ...]:
        """All but the tracker."""
        return self.player, self.prompter, self.recorder


@contextmanager
def _composed(job: ReplayJob, bag: BagReader, writer: BagWriter, on_tracks: Callable[[int], None]) -> Iterator[_Nodes]:
    topic, kind = _played_topic(job.topic, bag), IMAGE_TYPES[bag.types[job.topic]]
    nodes = _Nodes(
        tracker=TrackerNode(),
        player=BagPlayer(bag, job.topic, topic, job.playback, TRACKER),
        prompter=ScriptPrompter(job.script, topic, kind, TRACKER),
        recorder=OutputRecorder(writer, TRACKER, on_tracks),
    )
    try:
        yield nodes
    finally:
        for node in (*nodes.around, nodes.tracker):
            node.destroy_node()


def _played_topic(topic: str, bag: BagReader) -> str:
    """Where to publish: as recorded, but compressed images where image_transport expects them."""
    is_compressed = bag.types[topic] == COMPRESSED_IMAGE
    return f'{topic}/compressed' if is_compressed and not topic.endswith('/compressed') else topic


def _arguments(job: ReplayJob, bag: BagReader) -> list[str]:
    """Command line for the tracker node: its input topic, the transport and the job's parameters."""
    topic = bag.image_topic(job.topic)
    is_compressed = bag.types[topic] == COMPRESSED_IMAGE
    base = _played_topic(topic, bag).removesuffix('/compressed') if is_compressed else topic
    defaults = {
        'image_transport': 'compressed' if is_compressed else 'raw',
        'autostart': False,
        'output.autosave': False,
    }
    arguments = ['--ros-args', '-r', f'{TRACKER}:image:={base}']
    for name, value in (defaults | job.parameters).items():
        arguments += ['-p', f'{TRACKER}:{name}:={json.dumps(value)}']
    return arguments


@contextmanager
def _ros(arguments: list[str]) -> Iterator[None]:
    rclpy.init(args=arguments)
    try:
        yield
    finally:
        rclpy.try_shutdown()


@contextmanager
def _tracking(tracker: TrackerNode) -> Iterator[None]:
    """Have the tracker loaded and taking images."""
    for transition in ('configure', 'activate'):
        if not tracker.change_state(transition):
            raise ReplayFailed(tracker.last_failure)
    try:
        yield
    finally:
        tracker.change_state('shutdown')


@contextmanager
def _spinning(nodes: _Nodes) -> Iterator[None]:
    """Serve the tracker's callbacks in one set of threads and everybody else's in another."""
    executors = [MultiThreadedExecutor(EXECUTOR_THREADS), SingleThreadedExecutor()]
    executors[0].add_node(nodes.tracker)
    for node in nodes.around:
        executors[1].add_node(node)
    threads = [threading.Thread(target=_spin, args=(executor,), daemon=True) for executor in executors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for executor, thread in zip(executors, threads, strict=True):
            executor.shutdown()
            thread.join()


def _spin(executor: Executor) -> None:
    with suppress(ExternalShutdownException):
        executor.spin()


def _wait_until_connected(nodes: _Nodes) -> None:
    if not nodes.prompter.wait_for_tracker(READY_WITHIN_S):
        raise ReplayFailed(
            f'expected the service ~/add_prompts of {TRACKER} within {READY_WITHIN_S:.0f} s; see its log'
        )
    if not nodes.player.wait_for_subscriber(READY_WITHIN_S, count=2):
        raise ReplayFailed(f'expected {TRACKER} to subscribe to its image within {READY_WITHIN_S:.0f} s; see its log')
    if not nodes.recorder.wait_for_outputs(READY_WITHIN_S):
        raise ReplayFailed(f'expected {TRACKER} to announce its outputs within {READY_WITHIN_S:.0f} s; see its log')


def _play(player: BagPlayer, log: ReplayLog, on_published: Callable[[], None]) -> None:
    def note(image: SerializedImage) -> None:
        log.published_ns[image.stamp_ns] = time.monotonic_ns()
        log.frames_published += 1
        on_published()

    player.play(note)


def _note_result(log: ReplayLog, on_result: Callable[[], None], stamp_ns: int) -> None:
    log.received_ns.setdefault(stamp_ns, time.monotonic_ns())
    on_result()


def _wait_for_result(log: ReplayLog) -> None:
    """Wait for the last image: the newest always wins, so it is tracked unless it cannot be read."""
    last, deadline = max(log.published_ns, default=None), time.monotonic() + LAST_RESULT_WITHIN_S
    while last is not None and last not in log.received_ns and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(OUTPUTS_AFTER_RESULT_S)

"""Run a tracker over a video with true masks and note what happens, through the same door as the node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from sam2s_model.data import LabelledFrame, LabelledVideo
from sam2s_model.evaluation.moments import Moment, observe
from sam2s_model.evaluation.protocol import PromptKind, VideoTracker, prompt_object
from sam2s_model.masklet import Frame, FrameResult


@dataclass(frozen=True)
class Observation:
    """One frame as it was tracked, for those who look on: number, truth, result and the moments of its objects."""

    index: int
    frame: LabelledFrame
    result: FrameResult
    moments: dict[str, Moment]


@dataclass(frozen=True)
class TrackedVideo:
    """What happened in one video.

    Attributes:
        name, fps: Of the video.
        objects: Object id to true class name.
        instruments: Ids of the objects that are surgical instruments.
        frames: Number of frames tracked.
        annotated: Numbers of the annotated ones.
        moments: For each object that could be prompted, its moments on annotated frames in order.
        step_s: Seconds that the tracker took for its steps; prompts are not in it.
        steps: Number of steps with at least one object.
    """

    name: str
    fps: float
    objects: dict[str, str]
    instruments: frozenset[str]
    frames: int
    annotated: tuple[int, ...]
    moments: dict[str, tuple[Moment, ...]]
    step_s: float
    steps: int


def evaluate(
    tracker: VideoTracker,
    video: LabelledVideo,
    kind: PromptKind,
    frames: int | None = None,
    on_frame: Callable[[Observation], None] = lambda _: None,
) -> TrackedVideo:
    """Prompt each object once, on the first annotated frame that shows enough of it, and track to the end.

    Args:
        tracker: Reset before use.
        video: Frames and true masks.
        kind: How the objects are prompted.
        frames: Stop after so many frames; None goes to the end.
        on_frame: Called after each frame, for progress and pictures.
    """
    tracker.reset()
    run = _Run(tracker, video, kind)
    for index, frame in enumerate(islice(video.frames, frames)):
        on_frame(run.add(index, frame))
    return run.outcome()


class _Run:
    """One video on its way through the tracker."""

    def __init__(self, tracker: VideoTracker, video: LabelledVideo, kind: PromptKind) -> None:
        self._tracker = tracker
        self._video = video
        self._kind = kind
        self._prompted: dict[str, int] = {}
        self._annotated: list[int] = []
        self._moments: dict[str, list[Moment]] = {}
        self._frames = 0
        self._step_s = 0.0
        self._steps = 0

    def add(self, index: int, frame: LabelledFrame) -> Observation:
        shown = Frame(frame.rgb, frame.stamp_ns)
        result = self._step(shown)
        self._frames += 1
        if frame.masks is None:
            return Observation(index, frame, result, {})
        self._annotated.append(index)
        for object_id in self._newly_visible(frame):
            result = prompt_object(self._tracker, shown, object_id, frame.truth(object_id), self._kind)
            self._prompted[object_id] = index
        moments = observe(index, frame, result, self._prompted)
        for object_id, moment in moments.items():
            self._moments.setdefault(object_id, []).append(moment)
        return Observation(index, frame, result, moments)

    def outcome(self) -> TrackedVideo:
        video = self._video
        return TrackedVideo(
            name=video.name,
            fps=video.fps,
            objects=video.objects,
            instruments=video.instruments,
            frames=self._frames,
            annotated=tuple(self._annotated),
            moments={object_id: tuple(moments) for object_id, moments in self._moments.items()},
            step_s=self._step_s,
            steps=self._steps,
        )

    def _step(self, shown: Frame) -> FrameResult:
        start = time.perf_counter()
        result = self._tracker.step(shown)
        if self._prompted:
            self._step_s += time.perf_counter() - start
            self._steps += 1
        return result

    def _newly_visible(self, frame: LabelledFrame) -> list[str]:
        waiting = (object_id for object_id in self._video.objects if object_id not in self._prompted)
        return [object_id for object_id in waiting if frame.truth(object_id).sum() >= self._video.least_area]

"""J and F of a run where the recording holds true masks, made by the evaluation from the same observations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sam2s_model import FrameResult, ObjectMask
from sam2s_model.data.image_files import split_labels
from sam2s_model.data.labelled_video import LabelledFrame
from sam2s_model.evaluation.evaluate import TrackedVideo
from sam2s_model.evaluation.moments import Moment, observe
from sam2s_ros.bag_io import BagReader, RecordedImage
from sam2s_ros.prompt_script import GroundTruth, PromptScript
from sam2s_ros.tracked_image import TrackedImage


class TruthScores:
    """Compares results with the label images of the same stamps; both come in the order of stamps.

    Args:
        bag: The recording.
        script: Says where the true masks are, and what the objects are called.
        truth: Its ground truth.
    """

    def __init__(self, bag: Path, script: PromptScript, truth: GroundTruth) -> None:
        self._name = bag.stem
        self._truth = truth
        self._objects = {int(value): object_id for object_id, value in truth.values.items()}
        first = script.first_prompts
        self._names = {key: first[key].label if key in first else '' for key in truth.values}
        self._labels = _labels(bag, truth.topic)
        self._next = next(self._labels, None)
        self._prompted: dict[str, int] = {}
        self._annotated: list[int] = []
        self._moments: dict[str, list[Moment]] = {}
        self._stamps: list[int] = []

    def add(self, tracked: TrackedImage) -> None:
        """Score an image if its true masks are known."""
        index, stamp = tracked.frame_index, tracked.image.stamp_ns
        self._stamps.append(stamp)
        for found in tracked.objects:
            self._prompted.setdefault(found.identity.object_id, index)
        while self._next is not None and self._next.stamp_ns < stamp:
            self._next = next(self._labels, None)
        if self._next is not None and self._next.stamp_ns == stamp:
            self._annotated.append(index)
            self._observe(index, tracked, self._next)

    def video(self) -> TrackedVideo:
        """What was seen, as the evaluation has it."""
        seconds = (self._stamps[-1] - self._stamps[0]) / 1e9 if len(self._stamps) > 1 else 0.0
        return TrackedVideo(
            name=self._name,
            fps=(len(self._stamps) - 1) / seconds if seconds > 0 else 25.0,
            objects=self._names,
            instruments=frozenset(),
            frames=len(self._stamps),
            annotated=tuple(self._annotated),
            moments={object_id: tuple(moments) for object_id, moments in self._moments.items()},
            step_s=0.0,
            steps=0,
        )

    def _observe(self, index: int, tracked: TrackedImage, image: RecordedImage) -> None:
        masks, ignored = split_labels(image.labels(), self._truth.ignore_values)
        truths = {self._objects.get(int(value), value): mask for value, mask in masks.items()}
        frame = LabelledFrame(tracked.rgb, image.stamp_ns, truths, ignored)
        seen = [found for found in tracked.objects if found.identity.object_id in self._names]
        found = tuple(ObjectMask(s.identity.object_id, s.mask, s.score, s.presence) for s in seen)
        prompted = {mask.object_id: self._prompted[mask.object_id] for mask in found}
        result = FrameResult(index, image.stamp_ns, found)
        for object_id, moment in observe(index, frame, result, prompted).items():
            self._moments.setdefault(object_id, []).append(moment)


def _labels(bag: Path, topic: str) -> Iterator[RecordedImage]:
    with BagReader(bag) as reader:
        yield from reader.images(topic)

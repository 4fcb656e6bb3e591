"""Tracker: the one door between video and network. Prompt objects on a frame, step through the stream, get masks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from sam2s_model.image_transforms import mask_to_square, points_to_square, to_input, to_mask
from sam2s_model.masklet import Frame, FrameResult, ObjectMask
from sam2s_model.memory_bank import FrameMemory, MemoryBank, MemorySettings, Recall
from sam2s_model.network import (
    PREVIOUS_LOGIT_LIMIT,
    Calibration,
    FrameFeatures,
    MaskOutput,
    MemoryContent,
    Network,
    PromptBatch,
)
from sam2s_model.prompt import BoxPrompt, MaskPrompt, PointPrompt, Prompt, check_prompt

KNOWN_STAMPS = 256  # frames whose position in the stream is remembered, for prompts on a frame that has passed


class UnknownObject(KeyError):
    """No object of this id is tracked."""


@dataclass(frozen=True)
class Clicks:
    """The clicks that a person has made on one frame, in pixels of the square, and what came of them."""

    frame_index: int
    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]


@dataclass
class ObjectTrack:
    """One tracked object: its memory, its last output, and the clicks on the frame that is being corrected."""

    object_id: str
    bank: MemoryBank[MemoryContent]
    last_index: int = -1
    last_logits: Tensor | None = None
    last_mask: ObjectMask | None = None
    clicks: Clicks | None = None
    stepped: bool = False


@dataclass
class Stream:
    """What is known of the video so far, whatever the objects."""

    calibration: Calibration | None = None
    calibrated: bool = False
    next_index: int = 0
    stamps: OrderedDict[int, int] = field(default_factory=OrderedDict)
    newest: tuple[int, FrameFeatures] | None = None


class Tracker:
    """Track prompted objects through one video stream, frame by frame.

    Nothing here grows with the length of the video. One thread at a time may use it.
    """

    def __init__(self, network: Network, device: torch.device, memory: MemorySettings | None = None) -> None:
        self._network = network
        self._device = device
        self._memory = memory or MemorySettings()
        self._tracks: dict[str, ObjectTrack] = {}
        self._stream = Stream()

    @property
    def object_ids(self) -> tuple[str, ...]:
        """Ids of the tracked objects, in the order in which they were added."""
        return tuple(self._tracks)

    @torch.inference_mode()
    def step(self, frame: Frame) -> FrameResult:
        """Track every object on the next frame of the stream."""
        index = self._advance(frame)
        if self._tracks:
            features = self._encode(frame, index)
            for group in self._groups(self._tracks.values(), index):
                self._track(group, frame, index, features)
        return self._result(frame, index)

    @torch.inference_mode()
    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        """Add an object, or correct one that is tracked, on the newest frame or one that has passed.

        A frame that the tracker has not seen yet counts as the next one: the other objects are tracked on it first.

        Returns:
            The frame's result; on a frame that has passed it holds the prompted object alone.

        Raises:
            InvalidPrompt: The prompt cannot be used on this image. Nothing has changed.
        """
        height, width = frame.rgb.shape[:2]
        check_prompt(prompt, height, width)
        index = self._stream.stamps.get(frame.stamp_ns)
        if index is None:
            index = self.step(frame).frame_index
        track = self._tracks.get(object_id) or ObjectTrack(object_id, MemoryBank(self._memory))
        self._calibrate(frame)
        features = self._encode(frame, index)
        prompted = self._segment_prompted(track, frame, index, features, prompt)
        self._tracks[object_id] = track
        result = self._result(frame, index)
        return result if any(mask is prompted for mask in result.objects) else replace(result, objects=(prompted,))

    def remove(self, object_id: str) -> None:
        """Forget one object.

        Raises:
            UnknownObject: It is not tracked.
        """
        if object_id not in self._tracks:
            raise UnknownObject(f'no object {object_id!r}; tracked are {list(self._tracks)}')
        del self._tracks[object_id]

    def reset(self) -> None:
        """Forget all objects and the stream; the next frame is frame 0."""
        self._tracks.clear()
        self._stream = Stream()

    def _advance(self, frame: Frame) -> int:
        index = self._stream.next_index
        self._stream.next_index += 1
        self._stream.stamps[frame.stamp_ns] = index
        if len(self._stream.stamps) > KNOWN_STAMPS:
            self._stream.stamps.popitem(last=False)
        return index

    def _calibrate(self, frame: Frame) -> None:
        if self._stream.calibrated:
            return
        self._stream.calibration = self._network.calibrate(self._input(frame))
        self._stream.calibrated = True

    def _input(self, frame: Frame) -> Tensor:
        network = self._network
        return to_input(frame.rgb, network.image_size, network.pixel_mean, network.pixel_std, self._device)

    def _encode(self, frame: Frame, index: int) -> FrameFeatures:
        newest = self._stream.newest
        if newest is not None and newest[0] == index:
            return newest[1]
        features = self._network.encode_image(self._input(frame), self._stream.calibration)
        if newest is None or index > newest[0]:
            self._stream.newest = (index, features)
        return features

    def _groups(self, tracks: Iterable[ObjectTrack], index: int) -> list[list[ObjectTrack]]:
        """Objects that remember alike, to be tracked as one batch."""
        groups: dict[Hashable, list[ObjectTrack]] = {}
        for track in tracks:
            groups.setdefault(self._network.layout(track.bank.recall(index)), []).append(track)
        return list(groups.values())

    def _track(self, tracks: list[ObjectTrack], frame: Frame, index: int, features: FrameFeatures) -> None:
        recalls = [track.bank.recall(index) for track in tracks]
        output = self._network.track_frame(features, recalls, None)
        contents = self._network.encode_memory(features, output, prompted=False)
        for position, (track, content) in enumerate(zip(tracks, contents, strict=True)):
            track.stepped = True
            track.clicks = None
            track.bank.add_tracked(_memory(frame, index, features, output, position, content))
            track.last_index, track.last_logits = index, output.mask_logits[position : position + 1]
            track.last_mask = _object_mask(track, frame, output, position)

    def _segment_prompted(
        self, track: ObjectTrack, frame: Frame, index: int, features: FrameFeatures, prompt: Prompt
    ) -> ObjectMask:
        recall = self._recall_for_prompt(track, index)
        output = self._network.track_frame(features, [recall], self._batch(track, frame, index, prompt))
        (content,) = self._network.encode_memory(features, output, prompted=True)
        track.bank.add_conditioning(_memory(frame, index, features, output, 0, content))
        mask = _object_mask(track, frame, output, 0)
        if index >= track.last_index:
            track.last_index, track.last_logits, track.last_mask = index, output.mask_logits, mask
        return mask

    def _recall_for_prompt(self, track: ObjectTrack, index: int) -> Recall[MemoryContent]:
        """The first prompts of an object are answered without memory, later ones with it (SAM 2)."""
        return track.bank.recall(index) if track.stepped else Recall()

    def _batch(self, track: ObjectTrack, frame: Frame, index: int, prompt: Prompt) -> PromptBatch:
        """The prompt for the network; clicks add to those made on the same frame before."""
        side = self._network.image_size
        if isinstance(prompt, MaskPrompt):
            track.clicks = None
            empty = torch.zeros(1, 0, 2, device=self._device)
            return PromptBatch(empty, empty[..., 0], mask=mask_to_square(prompt, side, self._device))
        clicks = self._add_clicks(track, frame, index, prompt)
        previous = track.last_logits if track.last_index == index else None
        return PromptBatch(
            torch.tensor([clicks.points], dtype=torch.float32, device=self._device),
            torch.tensor([clicks.labels], device=self._device),
            previous_logits=None if previous is None else previous.clamp(-PREVIOUS_LOGIT_LIMIT, PREVIOUS_LOGIT_LIMIT),
        )

    def _add_clicks(self, track: ObjectTrack, frame: Frame, index: int, prompt: PointPrompt | BoxPrompt) -> Clicks:
        height, width = frame.rgb.shape[:2]
        points, labels = points_to_square(prompt, height, width, self._network.image_size)
        clicks = Clicks(index, tuple(points), tuple(labels))
        before = track.clicks
        if before is not None and before.frame_index == index and not isinstance(prompt, BoxPrompt):
            clicks = replace(clicks, points=before.points + clicks.points, labels=before.labels + clicks.labels)
        track.clicks = clicks
        return clicks

    def _result(self, frame: Frame, index: int) -> FrameResult:
        masks = (track.last_mask for track in self._tracks.values() if track.last_index == index)
        return FrameResult(index, frame.stamp_ns, tuple(mask for mask in masks if mask is not None))


def _memory(
    frame: Frame, index: int, features: FrameFeatures, output: MaskOutput, position: int, content: MemoryContent
) -> FrameMemory[MemoryContent]:
    return FrameMemory(
        index=index,
        stamp_ns=frame.stamp_ns,
        iou=float(output.iou[position]),
        present=bool(output.object_score[position] > 0),
        embedding=features.embedding,
        content=content,
    )


def _object_mask(track: ObjectTrack, frame: Frame, output: MaskOutput, position: int) -> ObjectMask:
    height, width = frame.rgb.shape[:2]
    return ObjectMask(
        object_id=track.object_id,
        mask=to_mask(output.mask_logits[position, 0], height, width),
        score=float(output.iou[position]),
        presence=float(output.object_score[position].sigmoid()),
    )

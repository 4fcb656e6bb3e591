"""Tracker: the one door between video and network. Prompt objects on a frame, step through the stream, get masks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.compute import release_memory
from sam2s_model.contest import note_sharing, settle
from sam2s_model.device_faults import NotFinite, is_out_of_memory, named_device_faults
from sam2s_model.frame_memory import FrameMemory
from sam2s_model.hole_filling import fill_holes
from sam2s_model.image_transforms import mask_to_square, points_to_square, to_input, to_square
from sam2s_model.mask_drawing import draw_masks
from sam2s_model.masklet import Frame, FrameResult, Label, ObjectMask
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.network import (
    FrameFeatures,
    LooksAhead,
    MaskOutput,
    MemoryContent,
    Network,
    PromptBatch,
)
from sam2s_model.object_reading import read_output
from sam2s_model.object_track import Clicks, Finding, ObjectTrack, Segmentation
from sam2s_model.prompt import BoxPrompt, MaskPrompt, Prompt, check_prompt
from sam2s_model.semantics import InstrumentBank
from sam2s_model.stream import Ahead, EncodedFrame, Expectation, Stream
from sam2s_model.switches import Switches
from sam2s_model.tracker_state import pack, unpack

KNOWN_STAMPS = 256  # frames whose position in the stream is remembered, for prompts on a frame that has passed


class UnknownObject(KeyError):
    """No object of this id is tracked."""


class FrameNotTracked(LookupError):
    """The frame's place in the stream is not known."""


class Tracker:
    """Track prompted objects through one video stream, frame by frame.

    Nothing here grows with the length of the video. One thread at a time may use it. Whatever is asked may raise
    `OutOfMemory` or `DeviceLost`.
    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        memory: MemorySettings | None = None,
        switches: Switches | None = None,
        instruments: InstrumentBank | None = None,
        running: str = '',
    ) -> None:
        """Track with a network on the device it is on; `running` says what computes it, for people."""
        self.running = running
        self._network = network
        self._device = device
        self._memory = memory or MemorySettings()
        self._switches = switches or Switches()
        self._instruments = instruments.to(device) if instruments else None
        self._tracks: dict[str, ObjectTrack] = {}
        self._stream = Stream()

    @property
    def object_ids(self) -> tuple[str, ...]:
        """Ids of the tracked objects, in the order in which they were added."""
        return tuple(self._tracks)

    def prepare(self, frame: Frame) -> Frame:
        """Do what can be done for a frame before its turn. Any thread may ask for that at any time."""
        return replace(frame, square=to_square(frame.rgb, self._network.image_size))

    @property
    def looks_ahead(self) -> bool:
        """Whether `look_ahead` gains anything: with `lite` on a CPU."""
        return isinstance(self._network, LooksAhead) and self._device.type == 'cpu'

    @named_device_faults()
    @torch.inference_mode()
    def look_ahead(self, frame: Frame) -> Frame:
        """Begin with the frame after the one that is tracked, in another thread; masks are the same but for rounding.

        What does not depend on the frame before it is done, about half of the work. What memory has made wrong until
        its turn is done again.
        """
        self._stream.looked_ahead = True
        frame, expected = self.prepare(frame), self._stream.expected
        if expected is None or not isinstance(self._network, LooksAhead):
            return frame
        features = self._network.look_ahead(self._input(self._square(frame)), expected.calibration, expected.groups)
        return replace(frame, ahead=Ahead(expected.calibration, features))

    @named_device_faults()
    @torch.inference_mode()
    def step(self, frame: Frame) -> FrameResult:
        """Track every object on the next frame of the stream."""
        index = self._move_on(frame, self._track)
        return self._result(frame, index)

    @named_device_faults()
    @torch.inference_mode()
    def look(self, frame: Frame) -> FrameResult:
        """Find every object on the next frame, and remember nothing of it: smoke should not become memory."""
        index = self._move_on(frame, self._look_for)
        return self._result(frame, index)

    @named_device_faults()
    @torch.inference_mode()
    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        """Add an object, or correct one that is tracked, on the newest frame or one that has passed.

        A frame newer than all the tracker has seen counts as the next one: the other objects are tracked on it first.
        One that was skipped counts as the frame before it.
        More clicks on a frame add to the earlier ones; a box or a mask begins afresh. What is prompted is remembered
        from the next frame on; masks of frames that have passed are not computed again, unless with `catch_up`.

        Returns:
            The frame's result; on a frame that has passed it holds the prompted object alone.

        Raises:
            InvalidPrompt: The prompt cannot be used on this image. Nothing has changed.
            NotFinite: The network returned no numbers; nothing of it is remembered.
        """
        check_prompt(prompt, *frame.rgb.shape[:2])
        index = self._place(frame)
        track = self._tracks.get(object_id) or ObjectTrack(object_id, MemoryBank(self._memory), index)
        self._calibrate(frame)
        prompted = self._segment_prompted(track, frame, index, prompt)
        self._tracks[object_id] = track
        if track.newest is not prompted:
            return self._describe(frame, index, [(object_id, prompted)])
        return self._result(frame, index)

    @named_device_faults()
    @torch.inference_mode()
    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult:
        """Track some objects again on a frame that has passed, after a prompt on an earlier one.

        Give the frames that followed the prompted one in their order, or some of them, and last the newest: then the
        objects are where they would be, had the prompt been there in time. What was remembered of them from the prompt
        or from this frame on is forgotten, but for what people said. The other objects are not touched.

        Returns:
            The frame's result; unless it is the newest frame, it holds the objects that were tracked again alone.

        Raises:
            UnknownObject: One of them is not tracked.
            FrameNotTracked: `step` has not seen the frame, or so long ago that its place is forgotten.
        """
        index = self._place_tracked(frame)
        tracks = [self._known(object_id) for object_id in dict.fromkeys(object_ids)]
        for track in tracks:
            track.rewind(index)
        tracks = [track for track in tracks if not track.is_prompted_on(index)]  # a person's word is not tracked over
        features = self._encode(frame, index)
        found = [pair for group in self._groups(tracks, index) for pair in self._track(group, frame, index, features)]
        is_newest = index == self._stream.next_index - 1
        return self._result(frame, index) if is_newest else self._describe(frame, index, found)

    def remove(self, object_id: str) -> None:
        """Forget one object. Its id may be used again and then means a new object.

        Raises:
            UnknownObject: It is not tracked.
        """
        for other_id in self._known(object_id).sharing:
            self._tracks[other_id].sharing.remove(object_id)
        del self._tracks[object_id]

    def reset(self) -> None:
        """Forget all objects and the stream; the next frame is frame 0."""
        self._tracks.clear()
        self._stream = Stream()

    def saved(self) -> bytes:
        """All that is remembered. A tracker of the same network that restores it goes on exactly like this one."""
        stream = self._stream
        return pack([self._tracks, stream.calibration, stream.calibrated, stream.next_index, stream.stamps])

    def restore(self, state: bytes) -> None:
        """Forget everything and remember what another tracker has saved.

        Raises:
            BadTrackerState: It is no such thing. Nothing has changed.
        """
        tracks, calibration, calibrated, next_index, stamps = unpack(state, self._device)
        self._tracks, self._stream = tracks, Stream(calibration, calibrated, next_index, stamps)

    def _known(self, object_id: str) -> ObjectTrack:
        if object_id not in self._tracks:
            raise UnknownObject(f'no object {object_id!r}; tracked are {list(self._tracks)}')
        return self._tracks[object_id]

    def _move_on(self, frame: Frame, segment: Callable[[list[ObjectTrack], Frame, int, FrameFeatures], object]) -> int:
        """Go on to the next frame and segment all objects on it, those that remember alike together."""
        index = self._advance(frame)
        if self._tracks:
            features = self._encode(frame, index)
            for track in self._tracks.values():
                track.move_on()
            groups = self._groups(self._tracks.values(), index)
            for group in groups:
                self._segment_group(segment, group, frame, index, features)
            if self._stream.looked_ahead:
                recalls = [[track.bank.recall(index + 2) for track in group] for group in groups]
                self._stream.expected = Expectation(self._stream.calibration, recalls)
        return index

    def _segment_group(
        self,
        segment: Callable[[list[ObjectTrack], Frame, int, FrameFeatures], object],
        tracks: list[ObjectTrack],
        frame: Frame,
        index: int,
        features: FrameFeatures,
    ) -> None:
        """Segment objects as one batch; where memory does not suffice for that, one by one."""
        try:
            segment(tracks, frame, index, features)
            return
        except Exception as error:
            if len(tracks) == 1 or not is_out_of_memory(error):
                raise
        # Only here: the traceback of an exception that is being handled still holds the tensors.
        release_memory()
        for track in tracks:
            segment([track], frame, index, features)

    def _place(self, frame: Frame) -> int:
        """Position in the stream of a frame that is prompted."""
        stamps = self._stream.stamps
        if frame.stamp_ns in stamps:
            return stamps[frame.stamp_ns]
        if not stamps or frame.stamp_ns > next(reversed(stamps)):
            return self._move_on(frame, self._track)
        return max((index for stamp, index in stamps.items() if stamp < frame.stamp_ns), default=0)

    def _place_tracked(self, frame: Frame) -> int:
        stamps = self._stream.stamps
        if frame.stamp_ns not in stamps:
            known = f'{next(iter(stamps))} to {next(reversed(stamps))} ns' if stamps else 'none'
            raise FrameNotTracked(f'expected a frame that was tracked, stamps {known}, came {frame.stamp_ns} ns')
        return stamps[frame.stamp_ns]

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
        self._stream.calibration = self._network.calibrate(self._input(self._square(frame)))
        self._stream.calibrated = True

    def _square(self, frame: Frame, index: int | None = None) -> NDArray[np.uint8]:
        """What the network sees of a frame; given its place in the stream, without squashing the newest again."""
        newest = self._stream.newest
        if newest is not None and newest.place == (index, frame.stamp_ns):
            return newest.square
        return to_square(frame.rgb, self._network.image_size) if frame.square is None else frame.square

    def _input(self, square: NDArray[np.uint8]) -> Tensor:
        network = self._network
        return to_input(square, network.image_size, network.pixel_mean, network.pixel_std, self._device)

    def _encode(self, frame: Frame, index: int) -> FrameFeatures:
        place = (index, frame.stamp_ns)  # a skipped frame shares its index, stamps may repeat
        newest = self._stream.newest
        if newest is not None and newest.place == place:
            return newest.features
        square = self._square(frame)
        if newest is not None and np.array_equal(square, newest.square):  # the video stands still
            features = newest.features
        elif isinstance(frame.ahead, Ahead) and frame.ahead.calibration is self._stream.calibration:
            features = frame.ahead.features
        else:
            features = self._network.encode_image(self._input(square), self._stream.calibration)
        if newest is None or place > newest.place:
            self._stream.newest = EncodedFrame(place, square, features)
        return features

    def _groups(self, tracks: Iterable[ObjectTrack], index: int) -> list[list[ObjectTrack]]:
        """Objects that remember alike, to be tracked as one batch."""
        groups: dict[Hashable, list[ObjectTrack]] = {}
        for track in tracks:
            groups.setdefault(self._network.layout(track.bank.recall(index)), []).append(track)
        return list(groups.values())

    def _track(
        self, tracks: list[ObjectTrack], frame: Frame, index: int, features: FrameFeatures
    ) -> list[tuple[str, Segmentation]]:
        """Find objects that remember alike on a frame, and have them remember it."""
        recalls = [track.bank.recall(index) for track in tracks]
        output = self._settled(self._network.track_frame(features, recalls, None), tracks)
        contents = self._network.encode_memory(features, recalls, output, prompted=False)
        # Memory sees the mask as it was decoded; people and corrections see it with its holes filled (SAM 2).
        output = self._without_holes(output)
        shown = []
        for track, finding in zip(tracks, self._find(frame, index, features, output, contents), strict=True):
            if finding.segmentation.is_finite:
                track.bank.add_tracked(finding.memory)
            track.see(finding)
            shown.append((track.object_id, finding.segmentation))
        return shown

    def _look_for(self, tracks: list[ObjectTrack], frame: Frame, index: int, features: FrameFeatures) -> None:
        output = self._network.track_frame(features, [track.bank.recall(index) for track in tracks], None)
        output = self._without_holes(self._settled(output, tracks))
        for track, finding in zip(
            tracks, self._find(frame, index, features, output, [None] * len(tracks)), strict=True
        ):
            track.newest = finding.segmentation

    def _segment_prompted(self, track: ObjectTrack, frame: Frame, index: int, prompt: Prompt) -> Segmentation:
        features = self._encode(frame, index)
        batch = self._batch(track, frame, index, prompt)
        recalls = [track.recall_for_prompt(index)]
        output = self._without_holes(self._network.track_frame(features, recalls, batch))
        contents = self._network.encode_memory(features, recalls, output, prompted=True)
        (finding,) = self._find(frame, index, features, output, contents)
        if not finding.segmentation.is_finite:
            raise NotFinite(f'the network returned no numbers for the prompt of {track.object_id!r}')
        track.stage(finding.memory)
        track.see(finding)
        if self._switches.contest:
            note_sharing(track, [*self._tracks.values()], index)
        return finding.segmentation

    def _label(self, object_id: str) -> Label | None:
        evidence = self._tracks[object_id].evidence
        return evidence.label(self._instruments.names) if self._instruments and evidence else None

    def _find(
        self, frame: Frame, index: int, features: FrameFeatures, output: MaskOutput, contents: Sequence[MemoryContent]
    ) -> Iterator[Finding]:
        readings = zip(read_output(output, self._instruments), output.mask_logits.unsqueeze(1), contents, strict=True)
        for (iou, score, presence, *classes), logits, content in readings:
            memory = FrameMemory(index, frame.stamp_ns, iou, score > 0, features.embedding, content, logits)
            segmentation = Segmentation(index, logits, iou, presence)
            known = score > 0 and segmentation.is_finite and any(classes)  # all 0: not looked at
            yield Finding(memory, segmentation, tuple(classes) if known else ())

    def _settled(self, output: MaskOutput, tracks: Sequence[ObjectTrack]) -> MaskOutput:
        return settle(output, tracks) if self._switches.contest and len(tracks) > 1 else output

    def _without_holes(self, output: MaskOutput) -> MaskOutput:
        return output._replace(mask_logits=fill_holes(output.mask_logits, self._switches.fill_hole_area))

    def _batch(self, track: ObjectTrack, frame: Frame, index: int, prompt: Prompt) -> PromptBatch:
        side = self._network.image_size
        if isinstance(prompt, MaskPrompt):
            track.forget_clicks(index)
            empty = torch.zeros(1, 0, 2, device=self._device)
            return PromptBatch(empty, empty[..., 0], mask=mask_to_square(prompt, side, self._device))
        height, width = frame.rgb.shape[:2]
        points, labels = points_to_square(prompt, height, width, side)
        clicks = track.add_clicks(index, Clicks(tuple(points), tuple(labels)), afresh=isinstance(prompt, BoxPrompt))
        return PromptBatch(
            torch.tensor([clicks.points], dtype=torch.float32, device=self._device),
            torch.tensor([clicks.labels], device=self._device),
            previous_logits=track.previous_logits(index),
        )

    def _result(self, frame: Frame, index: int) -> FrameResult:
        newest = ((track.object_id, track.newest) for track in self._tracks.values())
        found = [(object_id, seen) for object_id, seen in newest if seen is not None and seen.frame_index == index]
        return self._describe(frame, index, found)

    def _describe(self, frame: Frame, index: int, found: Sequence[tuple[str, Segmentation]]) -> FrameResult:
        if not found:
            return FrameResult(index, frame.stamp_ns, ())
        logits = torch.cat([segmentation.mask_logits for _, segmentation in found]).squeeze(1)
        masks = draw_masks(logits, self._square(frame, index), frame.rgb.shape[:2], self._switches)
        objects = (
            ObjectMask(object_id, mask, segmentation.iou, segmentation.presence, self._label(object_id))
            for (object_id, segmentation), mask in zip(found, masks, strict=True)
        )
        return FrameResult(index, frame.stamp_ns, tuple(objects))

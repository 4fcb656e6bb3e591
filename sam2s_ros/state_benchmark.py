"""How soon losses and returns are told, on phantom surgery where it is known who can be seen.

`python -m sam2s_ros.state_benchmark` drives the session with true masks and flickering readings, which tests the states
alone; with `--tracker` with the shipped network, which also tests what the network says of presence. The second takes
some seconds for each second of video on a CPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from sam2s_model import Frame, FrameResult, MaskPrompt, ObjectMask, Prompt, build_tracker
from sam2s_model.phantom import PhantomVideo, generate, preset
from sam2s_model.phantom.video import TRAINING_SEEDS
from sam2s_ros.class_table import ClassTable
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.prompt_codes import PromptMode
from sam2s_ros.prompting import PromptRequest
from sam2s_ros.track_state import StateLimits, TrackState
from sam2s_ros.tracking_session import StreamTracker, TrackingSession

WITHIN_S = 1.0  # a loss and a return must be told within this time; shorter ones do not count
LEAST_AREA = 0.0002  # share of the image from which an object counts as visible
MOST_OF_IT = 0.5  # of its usual area, from which a person points at an object
SAME_PLACE = 0.5  # overlap (IoU) with the truth from which a mask shows its object
FLICKER = 0.02  # share of images on which an oracle's reading is wrong
FIRST_SEED = 2 * TRAINING_SEEDS + 500  # never trained on


@dataclass(frozen=True)
class StateCounts:
    """What became of the objects' states.

    Attributes:
        disappearances, told: Absences of a second and more, and those of which LOST was told within a second.
        losses, false_losses: How often an object became LOST, and how often while it could be seen.
        returns, noticed, recovered: Returns of LOST objects for a second and more; those no longer LOST within a
            second, and those TRACKED within a second.
        actionable, wrong: Masks that may be acted on, and those that do not show their object.
    """

    disappearances: int = 0
    told: int = 0
    losses: int = 0
    false_losses: int = 0
    returns: int = 0
    noticed: int = 0
    recovered: int = 0
    actionable: int = 0
    wrong: int = 0

    def __add__(self, other: StateCounts) -> StateCounts:
        return StateCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return (
            f'disappearances told within 1 s  {_share(self.told, self.disappearances)}\n'
            f'losses told of visible objects  {_share(self.false_losses, self.losses)}\n'
            f'returns noticed within 1 s      {_share(self.noticed, self.returns)}\n'
            f'returns tracked within 1 s      {_share(self.recovered, self.returns)}\n'
            f'actionable masks that are wrong {_share(self.wrong, self.actionable)}'
        )


def _share(part: int, whole: int) -> str:
    return f'{part} of {whole} ({part / whole:.1%})' if whole else 'none'


class OracleTracker:
    """Gives the true masks of a video with readings that flicker: now and then an object is missed, or imagined."""

    def __init__(self, video: PhantomVideo, flicker: float, rng: np.random.Generator) -> None:
        self._labels, self._period_ns = video.labels, _period_ns(video)
        self._flicker, self._rng = flicker, rng
        self._object_ids: list[str] = []

    def step(self, frame: Frame) -> FrameResult:
        index = frame.stamp_ns // self._period_ns - 1
        objects = tuple(self._find(object_id, self._labels[index]) for object_id in self._object_ids)
        return FrameResult(index, frame.stamp_ns, objects)

    look = step

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        self._object_ids.append(object_id)
        return self.step(frame)

    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult:
        return self.step(frame)

    def remove(self, object_id: str) -> None:
        self._object_ids.remove(object_id)

    def reset(self) -> None:
        self._object_ids.clear()

    def _find(self, object_id: str, labels: NDArray[np.uint8]) -> ObjectMask:
        mask = labels == int(object_id)
        if self._rng.random() < self._flicker:
            mask = np.zeros_like(mask) if mask.any() else self._imagined(mask.shape)
        score, presence = self._rng.normal(0.85, 0.06), self._rng.beta(20, 2) if mask.any() else self._rng.beta(2, 20)
        return ObjectMask(object_id, mask, float(np.clip(score, 0, 1)), float(presence))

    def _imagined(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        mask = np.zeros(shape, np.bool_)
        y, x = (int(self._rng.integers(0, side - 8)) for side in shape)
        mask[y : y + 8, x : x + 8] = True
        return mask


def phantom(seed: int, height: int = 144, width: int = 192, seconds: float = 12.0) -> PhantomVideo:
    """Surgery in which every instrument leaves and returns."""
    return generate(
        preset('surgery', height=height, width=width, frames=round(25 * seconds), absence=1.0, disturbance=0.3), seed
    )


def visibility(video: PhantomVideo, object_id: str) -> NDArray[np.bool_]:
    """On which of the T frames an object shows more than a trace."""
    areas = np.count_nonzero(video.labels == int(object_id), axis=(1, 2))
    return np.asarray(areas >= LEAST_AREA * video.labels[0].size)


def prompted_on(video: PhantomVideo, object_id: str) -> int | None:
    """The frame on which a person would point at an object: the first that shows most of it, not a tip that enters."""
    areas = np.count_nonzero(video.labels == int(object_id), axis=(1, 2))
    seen = visibility(video, object_id)
    if not seen.any():
        return None
    return int(np.argmax(seen & (areas >= MOST_OF_IT * np.median(areas[seen]))))


def run(video: PhantomVideo, tracker: StreamTracker, limits: StateLimits) -> StateCounts:
    """Track a video with a mask prompt for each object as soon as most of it can be seen; count over all objects."""
    session = TrackingSession(
        tracker,
        lambda image: Frame(image.message.rgb, image.stamp_ns),
        FrameBuffer(4, 10**9),
        ClassTable(),
        limits,
        len(video.names),
    )
    visible = {str(number): visibility(video, str(number)) for number in range(1, len(video.names) + 1)}
    states: dict[str, list[TrackState]] = {object_id: [] for object_id in visible}
    prompts = {object_id: prompted_on(video, object_id) for object_id in visible}
    counts = StateCounts()
    for index, rgb in enumerate(video.frames):
        stamp_ns = (index + 1) * _period_ns(video)
        image = ReceivedImage(SimpleNamespace(header=None, data=b'', rgb=rgb), stamp_ns, stamp_ns)
        for found in session.track(image).objects:
            object_id = found.identity.object_id
            states[object_id].append(found.state)
            if found.is_actionable:
                counts += StateCounts(actionable=1, wrong=not _shows(found.mask, video.labels[index] == int(object_id)))
        for object_id in states:
            if prompts[object_id] == index:
                session.add_prompts([_mask_prompt(video, index, object_id)], 0, atomic=True)
    return sum(
        (count_states(visible[object_id][-len(told) :], told, video.fps) for object_id, told in states.items() if told),
        counts,
    )


def count_states(visible: NDArray[np.bool_], states: Sequence[TrackState], fps: float) -> StateCounts:
    """Compare the states of one object on T images with what could be seen (T,)."""
    within = round(WITHIN_S * fps)
    was_lost = [_known(states[: index + 1]) == TrackState.LOST for index in range(len(states))]
    begins = [index for index in range(1, len(states)) if was_lost[index] and not was_lost[index - 1]]
    edges = [0, *(np.flatnonzero(visible[1:] != visible[:-1]) + 1).tolist(), len(visible)]
    counts = StateCounts(losses=len(begins), false_losses=sum(bool(visible[index]) for index in begins))
    for begin, end in pairwise(edges[1:]):
        if end - begin < within:
            continue
        first_second = states[begin : begin + within + 1]
        if not visible[begin]:
            counts += StateCounts(disappearances=1, told=TrackState.LOST in first_second)
        elif was_lost[begin - 1]:
            is_noticed = any(state not in (TrackState.LOST, TrackState.FROZEN) for state in first_second)
            counts += StateCounts(returns=1, noticed=is_noticed, recovered=TrackState.TRACKED in first_second)
    return counts


def _known(states: Sequence[TrackState]) -> TrackState | None:
    """The newest state that is not hidden by a freeze."""
    return next((state for state in reversed(states) if state != TrackState.FROZEN), None)


def _mask_prompt(video: PhantomVideo, index: int, object_id: str) -> PromptRequest:
    mask = video.labels[index] == int(object_id)
    return PromptRequest(object_id, video.names[int(object_id) - 1], PromptMode.NEW, lambda *_: MaskPrompt(mask))


def _shows(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(mask & truth) >= SAME_PLACE * np.count_nonzero(mask | truth))


def _period_ns(video: PhantomVideo) -> int:
    return round(1e9 / video.fps)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--videos', type=int, default=20, help='phantom videos of 12 s')
    parser.add_argument('--tracker', action='store_true', help='track with the shipped network')
    parser.add_argument('--checkpoint', help='weights for it, instead of the shipped ones')
    parser.add_argument('--flicker', type=float, default=FLICKER, help='share of wrong readings of the oracle')
    given = parser.parse_args(arguments)
    total = StateCounts()
    for seed in range(FIRST_SEED, FIRST_SEED + given.videos):
        video = phantom(seed, *((288, 384) if given.tracker else (144, 192)))
        oracle = OracleTracker(video, given.flicker, np.random.default_rng(seed))
        tracker = build_tracker(checkpoint=given.checkpoint) if given.tracker else oracle
        total += run(video, tracker, StateLimits())
    print(total)


if __name__ == '__main__':
    main()

"""What may be wrong with the true masks of a video, found in one pass over its frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Literal

import numpy as np

from sam2s_model.data.labelled_video import LabelledFrame, LabelledVideo, Mask

Severity = Literal['error', 'warning', 'note']
FEW_PIXELS = 16  # a mask of fewer is hardly seen, and may be a slip of the pen
SAME_PLACE = 0.5  # IoU of two masks on neighbouring frames that look like one object


@dataclass(frozen=True)
class Finding:
    """One thing to look at: how bad, whose (empty for the whole video), and what."""

    severity: Severity
    object_id: str
    text: str


@dataclass(frozen=True)
class MaskletFacts:
    """One object through the video; frames are annotated ones.

    Attributes:
        visible: Number of frames that show it. first, last: The first and the last of them, None if there is none.
        gaps: Times it left and came back. longest_gap: Most frames in between.
        least_area, most_area: Pixels of its smallest and largest mask, where it is seen.
    """

    object_id: str
    label: str
    visible: int
    first: int | None
    last: int | None
    gaps: int
    longest_gap: int
    least_area: int
    most_area: int


@dataclass(frozen=True)
class CheckReport:
    """All that was found in one video; sizes are the (height, width) that occur."""

    name: str
    frames: int
    annotated: int
    sizes: tuple[tuple[int, int], ...]
    masklets: tuple[MaskletFacts, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there are no errors."""
        return all(finding.severity != 'error' for finding in self.findings)


def check_masklets(video: LabelledVideo) -> CheckReport:
    """Look at every frame of a video once. Raises UnreadableData."""
    tally = _Tally()
    for index, frame in enumerate(video.frames):
        tally.add(index, frame)
    masklets = tuple(_facts(object_id, label, tally) for object_id, label in video.objects.items())
    sizes = tuple(sorted(tally.sizes))
    return CheckReport(video.name, tally.frames, tally.annotated, sizes, masklets, _findings(video, tally, masklets))


@dataclass
class _Tally:
    """What has been seen so far; `at` and `areas` are the frames and pixels of each id."""

    frames: int = 0
    annotated: int = 0
    empty: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    at: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    areas: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    misfits: list[tuple[int, str]] = field(default_factory=list)
    overlaps: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    exchanges: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _previous: Mapping[str, Mask] = field(default_factory=dict)

    def add(self, index: int, frame: LabelledFrame) -> None:
        size = frame.rgb.shape[:2]
        self.frames += 1
        self.sizes.add((size[0], size[1]))
        if frame.masks is None:
            return
        self.annotated += 1
        self.misfits += [(index, object_id) for object_id, mask in frame.masks.items() if mask.shape != size]
        masks = {object_id: mask for object_id, mask in frame.masks.items() if mask.shape == size and mask.any()}
        self.empty += not masks
        for object_id, mask in masks.items():
            self.at[object_id].append(self.annotated - 1)
            self.areas[object_id].append(int(np.count_nonzero(mask)))
        for pair in combinations(sorted(masks), 2):
            if (masks[pair[0]] & masks[pair[1]]).any():
                self.overlaps[pair].append(index)
        self._compare(index, masks)
        self._previous = masks

    def _compare(self, index: int, masks: Mapping[str, Mask]) -> None:
        """Note where a mask lies on what was another object a frame ago rather than on what was its own."""
        for now, before in permutations(sorted(masks.keys() & self._previous.keys()), 2):
            if masks[now].shape != self._previous[before].shape:
                return
            elsewhere = _overlap(masks[now], self._previous[before])
            if elsewhere > SAME_PLACE and elsewhere > _overlap(masks[now], self._previous[now]):
                self.exchanges[(now, before)].append(index)


def _overlap(first: Mask, second: Mask) -> float:
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 0.0


def _facts(object_id: str, label: str, tally: _Tally) -> MaskletFacts:
    at, areas = tally.at.get(object_id, []), tally.areas.get(object_id, [0])
    away = [int(step) - 1 for step in np.diff(at) if step > 1]
    return MaskletFacts(
        object_id=object_id,
        label=label,
        visible=len(at),
        first=at[0] if at else None,
        last=at[-1] if at else None,
        gaps=len(away),
        longest_gap=max(away, default=0),
        least_area=min(areas),
        most_area=max(areas),
    )


def _findings(video: LabelledVideo, tally: _Tally, masklets: tuple[MaskletFacts, ...]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if len(video.frames) != tally.frames:
        found.append(Finding('error', '', f'expected {len(video.frames)} frames, {tally.frames} can be read'))
    if not tally.annotated:
        found.append(Finding('error', '', 'no frame is annotated'))
    if len(tally.sizes) > 1:
        found.append(Finding('error', '', f'images have different sizes (height, width): {sorted(tally.sizes)}'))
    for index, object_id in tally.misfits[:1]:
        more = f', and {len(tally.misfits) - 1} more' if len(tally.misfits) > 1 else ''
        found.append(Finding('error', object_id, f'mask and image differ in size on frame {index}{more}'))
    for object_id in sorted(tally.at.keys() - video.objects.keys()):
        text = f'is in the masks of {len(tally.at[object_id])} frames, first {tally.at[object_id][0]}, but not named'
        found.append(Finding('error', object_id, text))
    if tally.empty:
        found.append(Finding('note', '', f'{tally.empty} of {tally.annotated} annotated frames show no object'))
    found += [finding for facts in masklets for finding in _about(facts, tally)]
    found += _between(tally)
    return tuple(found)


def _about(facts: MaskletFacts, tally: _Tally) -> list[Finding]:
    """What is odd about one object."""
    if not facts.visible:
        return [Finding('warning', facts.object_id, 'is named but never seen')]
    found = []
    if facts.gaps:
        text = f'leaves and returns {facts.gaps} times, away for {facts.longest_gap} annotated frames at most'
        found.append(Finding('note', facts.object_id, text))
    tiny = sum(area < FEW_PIXELS for area in tally.areas[facts.object_id])
    if tiny:
        found.append(Finding('warning', facts.object_id, f'has fewer than {FEW_PIXELS} pixels on {tiny} frames'))
    return found


def _between(tally: _Tally) -> list[Finding]:
    """What is odd about pairs of objects."""
    found = [
        Finding('warning', first, f'overlaps {second} on {len(at)} frames, first {at[0]}')
        for (first, second), at in tally.overlaps.items()
    ]
    return found + [
        Finding(
            'warning', now, f'lies where {before} was a frame before, on frame {at[0]} ({len(at)} times): exchanged?'
        )
        for (now, before), at in tally.exchanges.items()
    ]

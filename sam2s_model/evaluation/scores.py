"""Scores of one video: J and F of each object, frame by frame, and their means."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam2s_model.evaluation.metrics import contour_accuracy, region_similarity


@dataclass(frozen=True)
class ObjectScore:
    """One object's means over the frames it was scored on.

    Attributes:
        object_id: The tracker's name for it.
        label: Its name for people.
        frames: Number of scored frames; with none, j and f are nan.
        j: Region similarity, in [0, 1].
        f: Contour accuracy, in [0, 1].
    """

    object_id: str
    label: str
    frames: int
    j: float
    f: float

    @property
    def jf(self) -> float:
        return (self.j + self.f) / 2


@dataclass(frozen=True)
class VideoScore:
    """All objects of one video; its J and F are plain means over the objects that were scored."""

    name: str
    objects: tuple[ObjectScore, ...]

    @property
    def j(self) -> float:
        return _mean([score.j for score in self.objects if score.frames])

    @property
    def f(self) -> float:
        return _mean([score.f for score in self.objects if score.frames])

    @property
    def jf(self) -> float:
        return (self.j + self.f) / 2


class ScoreSheet:
    """Collects J and F while a video goes by."""

    def __init__(self, labels: dict[str, str]) -> None:
        """Start a sheet with a row for each object id of `labels`, which gives its name for people."""
        self._labels = labels
        self._j: defaultdict[str, list[float]] = defaultdict(list)
        self._f: defaultdict[str, list[float]] = defaultdict(list)

    def add(
        self,
        object_id: str,
        predicted: NDArray[np.bool_],
        truth: NDArray[np.bool_],
        ignored: NDArray[np.bool_] | None = None,
    ) -> None:
        """Score one object on one frame, (H, W) masks; pixels of `ignored` belong to neither mask."""
        if ignored is not None:
            predicted, truth = predicted & ~ignored, truth & ~ignored
        self._j[object_id].append(region_similarity(predicted, truth))
        self._f[object_id].append(contour_accuracy(predicted, truth))

    def score(self, name: str) -> VideoScore:
        """The means up to now."""
        return VideoScore(
            name,
            tuple(
                ObjectScore(
                    object_id, label, len(self._j[object_id]), _mean(self._j[object_id]), _mean(self._f[object_id])
                )
                for object_id, label in self._labels.items()
            ),
        )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float('nan')

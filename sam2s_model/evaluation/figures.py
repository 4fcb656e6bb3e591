"""All figures of an object, a video, a set, or everything: the same ones at each level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sam2s_model.evaluation.absences import Absence, find_absences
from sam2s_model.evaluation.conventions import CONVENTIONS, Convention, counted
from sam2s_model.evaluation.evaluate import TrackedVideo
from sam2s_model.evaluation.identity import LabelCounts, count_labels, count_switches
from sam2s_model.evaluation.moments import Moment
from sam2s_model.evaluation.presence import PresenceCounts, count_presence


@dataclass(frozen=True)
class Accuracy:
    """Means of J and F in [0, 1]; None where nothing was scored. J&F is the mean of both."""

    j: float | None
    f: float | None

    @property
    def jf(self) -> float | None:
        return None if self.j is None or self.f is None else (self.j + self.f) / 2


@dataclass(frozen=True)
class Figures:
    """What came out.

    Attributes:
        accuracy: By each convention of which frames count.
        presence: Frames by what is true and what was said.
        switches: Moves of a mask to another object.
        absences: Returns of objects after they could not be seen.
        labels: Names of instruments, right and wrong.
    """

    accuracy: dict[Convention, Accuracy]
    presence: PresenceCounts
    switches: int
    absences: tuple[Absence, ...]
    labels: LabelCounts


@dataclass(frozen=True)
class ObjectFigures:
    """One object: id, true class name, number of frames that count, and what came out."""

    object_id: str
    label: str
    frames: int
    figures: Figures


@dataclass(frozen=True)
class VideoFigures:
    """One video: its name and set, frames tracked, milliseconds a step, its objects, and their means and sums."""

    name: str
    dataset: str
    frames: int
    step_ms: float | None
    objects: tuple[ObjectFigures, ...]
    figures: Figures


def video_figures(name: str, dataset: str, video: TrackedVideo, convention: Convention) -> VideoFigures:
    """Sum up a video; `convention` says which frames `ObjectFigures.frames` counts."""
    objects = tuple(_object_figures(video, object_id, convention) for object_id in video.objects)
    step_ms = 1000 * video.step_s / video.steps if video.steps else None
    return VideoFigures(name, dataset, video.frames, step_ms, objects, pool(row.figures for row in objects))


def pool(parts: Iterable[Figures]) -> Figures:
    """Plain means of J and F over the parts that were scored; everything that is counted is added up."""
    parts = list(parts)
    return Figures(
        accuracy={convention: _mean([part.accuracy[convention] for part in parts]) for convention in CONVENTIONS},
        presence=sum((part.presence for part in parts), PresenceCounts()),
        switches=sum(part.switches for part in parts),
        absences=tuple(absence for part in parts for absence in part.absences),
        labels=sum((part.labels for part in parts), LabelCounts()),
    )


def _object_figures(video: TrackedVideo, object_id: str, convention: Convention) -> ObjectFigures:
    moments = video.moments.get(object_id, ())
    label = video.objects[object_id]
    scored = {kind: counted(moments, video.annotated, kind) for kind in CONVENTIONS}
    figures = Figures(
        accuracy={kind: _accuracy(scored[kind]) for kind in CONVENTIONS},
        presence=count_presence(moments),
        switches=count_switches(object_id, moments),
        absences=tuple(find_absences(object_id, moments)),
        labels=count_labels(label, moments) if object_id in video.instruments else LabelCounts(),
    )
    return ObjectFigures(object_id, label, len(scored[convention]), figures)


def _accuracy(moments: Sequence[Moment]) -> Accuracy:
    # An object that is never there while it counts has no score (vos-benchmark), whatever was predicted.
    if not any(moment.area for moment in moments):
        return Accuracy(None, None)
    return Accuracy(*(float(np.mean([getattr(moment, name) for moment in moments])) for name in ('j', 'f')))


def _mean(parts: Sequence[Accuracy]) -> Accuracy:
    j, f = ([value for part in parts if (value := getattr(part, name)) is not None] for name in ('j', 'f'))
    return Accuracy(float(np.mean(j)), float(np.mean(f))) if j else Accuracy(None, None)

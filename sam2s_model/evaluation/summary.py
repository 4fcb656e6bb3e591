"""The figures of a whole run, as JSON; its schema is docs/evaluation.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sam2s_model.evaluation.absences import IN_TIME_S, LONG_FRAMES, Absence, Reacquisition, reacquisition
from sam2s_model.evaluation.conventions import Convention
from sam2s_model.evaluation.figures import Accuracy, Figures, VideoFigures, pool

DIGITS = 6


@dataclass(frozen=True)
class Summary:
    """All videos of a run and the settings it was made with."""

    settings: dict[str, Any]
    videos: tuple[VideoFigures, ...]
    convention: Convention

    @property
    def datasets(self) -> dict[str, list[VideoFigures]]:
        """The videos by set, in order."""
        found: dict[str, list[VideoFigures]] = {}
        for video in self.videos:
            found.setdefault(video.dataset, []).append(video)
        return found

    @property
    def mean(self) -> Figures:
        """Over all videos, each with equal say."""
        return pool(video.figures for video in self.videos)

    @property
    def mean_over_objects(self) -> Figures:
        """Over all objects, each with equal say, as SA-V and DAVIS have it."""
        return _over_objects(self.videos)

    def write(self, path: Path) -> None:
        """Write the figures as JSON, scores in [0, 1], null where there is nothing to measure."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.content(), indent=1) + '\n')

    def content(self) -> dict[str, Any]:
        """The figures as plain data."""
        sets = {name: pool(video.figures for video in videos) for name, videos in self.datasets.items()}
        return {
            'settings': self.settings,
            'videos': {video.name: self._video(video) for video in self.videos},
            'sets': {
                name: {
                    'videos': [video.name for video in videos],
                    **self._figures(sets[name]),
                    'mean_over_objects': _accuracy(_over_objects(videos).accuracy[self.convention]),
                }
                for name, videos in self.datasets.items()
            },
            'mean': self._figures(self.mean),
            'mean_over_objects': _accuracy(self.mean_over_objects.accuracy[self.convention]),
            'mean_over_sets': _accuracy(pool(sets.values()).accuracy[self.convention]),
        }

    def _video(self, video: VideoFigures) -> dict[str, Any]:
        return {
            'set': video.dataset,
            'frames': video.frames,
            'step_ms': _rounded(video.step_ms),
            **self._figures(video.figures),
            'objects': {
                row.object_id: {
                    'label': row.label,
                    'frames': row.frames,
                    **self._figures(row.figures),
                    'absences': [_absence(absence) for absence in row.figures.absences],
                }
                for row in video.objects
            },
        }

    def _figures(self, figures: Figures) -> dict[str, Any]:
        return {
            **_accuracy(figures.accuracy[self.convention]),
            'conventions': {name: _accuracy(accuracy) for name, accuracy in figures.accuracy.items()},
            'presence': {
                'precision': _rounded(figures.presence.precision),
                'recall': _rounded(figures.presence.recall),
                **asdict(figures.presence),
            },
            'identity_switches': figures.switches,
            'reacquisition': _reacquisition(reacquisition(figures.absences)),
            'reacquisition_long': _reacquisition(reacquisition(figures.absences, LONG_FRAMES)),
            'labels': {
                'frame_accuracy': _rounded(figures.labels.frame_accuracy),
                'object_accuracy': _rounded(figures.labels.object_accuracy),
                'frames': figures.labels.frames,
                'objects': figures.labels.objects,
            },
        }


def _over_objects(videos: Sequence[VideoFigures]) -> Figures:
    return pool(row.figures for video in videos for row in video.objects)


def _accuracy(accuracy: Accuracy) -> dict[str, float | None]:
    return {'j': _rounded(accuracy.j), 'f': _rounded(accuracy.f), 'jf': _rounded(accuracy.jf)}


def _reacquisition(found: Reacquisition) -> dict[str, Any]:
    return {
        'returns': found.returns,
        f'rate_within_{IN_TIME_S:g}_s': _rounded(found.rate),
        'median_delay_s': _rounded(found.median_delay_s),
    }


def _absence(absence: Absence) -> dict[str, Any]:
    return {
        'frames': absence.frames,
        'returned_at': absence.returned_at,
        'delay_s': _rounded(absence.delay_s),
        'in_view_s': _rounded(absence.in_view_s),
        'decided': absence.decided,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)

"""The figures of a run for programs, as JSON: how much of each object was seen, and its accuracy where it is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sam2s_model.evaluation.figures import Accuracy, video_figures
from sam2s_ros.offline.html_report import TopicReport
from sam2s_ros.track_state import TrackState


def write_figures(path: Path, topics: Sequence[TopicReport], problems: Sequence[str]) -> None:
    """Write them; J and F are those of the evaluation's convention `inner`."""
    content = {'topics': [_topic(report) for report in topics], 'not_done': list(problems)}
    path.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def _topic(report: TopicReport) -> dict[str, Any]:
    curves = report.curves
    rows = {
        name: {
            'object_id': name,
            'label': curve.label,
            'images': len(curve.states),
            'images_by_state': {state.name: curve.states.count(state) for state in TrackState},
        }
        for name, curve in curves.objects.items()
    }
    content: dict[str, Any] = {'topic': report.topic, 'images': curves.frames, 'seconds': curves.seconds}
    if report.truth and report.truth.annotated:
        figures = video_figures(report.topic, '', report.truth, 'inner')
        for row in figures.objects:
            rows.get(row.object_id, {}).update(_scores(row.figures.accuracy['inner']))
        content |= _scores(figures.figures.accuracy['inner'])
    return content | {'objects': list(rows.values())}


def _scores(accuracy: Accuracy) -> dict[str, float | None]:
    return {'j': accuracy.j, 'f': accuracy.f, 'jf': accuracy.jf}

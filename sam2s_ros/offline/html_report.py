"""A run as one HTML file that needs nothing beside it: objects, curves, moments to look at, accuracy, provenance."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sam2s_model.evaluation.evaluate import TrackedVideo
from sam2s_model.evaluation.figures import VideoFigures, video_figures
from sam2s_model.evaluation.html_report import STYLE
from sam2s_model.evaluation.plot import plot
from sam2s_ros.offline.human_look import HumanLook, Moment
from sam2s_ros.offline.track_curves import STATE_COLOURS, ObjectCurve, TrackCurves, draw_areas, draw_scores
from sam2s_ros.track_state import TrackState

COLUMNS = ('object', 'label', 'images', 'tracked', 'uncertain', 'not seen or lost', 'frozen', 'least quality')


@dataclass(frozen=True)
class TopicReport:
    """What is told of one image topic; no `truth` where there are no true masks."""

    topic: str
    curves: TrackCurves
    look: HumanLook
    truth: TrackedVideo | None


def write_report(
    path: Path, name: str, topics: Sequence[TopicReport], problems: Sequence[str], provenance: str
) -> None:
    """Write the report of a recording.

    Args:
        path: The HTML file.
        name: Of the recording.
        topics: In the order to be shown.
        problems: Prompts that were not played and images that were not read, one line each.
        provenance: As text.
    """
    body = [f'<h1>{escape(name)}</h1>', *_problems(problems)]
    for topic in topics:
        body += _section(topic)
    body.append(f'<h2>Provenance</h2><pre>{escape(provenance)}</pre>')
    head = f'<meta charset="utf-8"><title>{escape(name)}</title><style>{STYLE}pre {{ overflow-x: auto; }}</style>'
    content = '\n'.join(body)
    text = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n'
    path.write_text(text, encoding='utf-8')


def _problems(problems: Sequence[str]) -> list[str]:
    if not problems:
        return []
    return ['<h2>Not done</h2><ul>', *(f'<li>{escape(problem)}</li>' for problem in problems), '</ul>']


def _section(report: TopicReport) -> list[str]:
    curves = report.curves
    note = f'{curves.frames} images, {curves.seconds:.1f} s, {len(curves.objects)} objects'
    parts = [f'<h2>{escape(report.topic)}</h2><p class="note">{note}</p>', _objects(curves.objects)]
    parts += ['<h3>Predicted quality and state</h3>', _legend(), draw_scores(curves)]
    parts += ['<h3>Area, pixels</h3>', draw_areas(curves)]
    if report.truth and report.truth.annotated:
        figures = video_figures(report.topic, '', report.truth, 'inner')
        parts += ['<h3>Accuracy</h3>', _accuracy(figures), plot(report.truth)]
    parts.append('<h3>Moments to look at</h3>')
    parts.append(f'<div>{"".join(_picture(m, curves) for m in report.look.moments) or "none"}</div>')
    if report.look.missed:
        parts.append(f'<p class="note">{report.look.missed} more warnings are in the events of the recording.</p>')
    return parts


def _legend() -> str:
    names = (f'<span style="color:{colour}">■</span> {state.name}' for state, colour in STATE_COLOURS.items())
    return f'<p class="note">{" ".join(names)}</p>'


def _objects(objects: Mapping[str, ObjectCurve]) -> str:
    rows = []
    for name, curve in objects.items():
        seen = [score for score, area in zip(curve.scores, curve.areas, strict=True) if area]
        cells = (
            name,
            curve.label or '–',
            str(len(curve.states)),
            _percent(curve.share(TrackState.TRACKED, TrackState.TENTATIVE)),
            _percent(curve.share(TrackState.UNCERTAIN)),
            _percent(curve.share(TrackState.OCCLUDED, TrackState.LOST)),
            _percent(curve.share(TrackState.FROZEN)),
            f'{min(seen):.2f}' if seen else '–',
        )
        rows.append(cells)
    return _table(COLUMNS, rows)


def _accuracy(figures: VideoFigures) -> str:
    rows = [(f'{row.object_id} {row.label}', row.figures) for row in figures.objects]
    rows.append(('mean over objects', figures.figures))
    cells = []
    for name, row in rows:
        accuracy = row.accuracy['inner']
        cells.append((name, *map(_number, (accuracy.j, accuracy.f, accuracy.jf))))
    return _table(('object', 'J', 'F', 'J&F'), cells)


def _picture(moment: Moment, curves: TrackCurves) -> str:
    seconds = (moment.stamp_ns - curves.first_stamp_ns) / 1e9
    caption = f'{seconds:.2f} s, image {moment.frame}: {moment.reason}'
    data = base64.b64encode(moment.jpeg).decode()
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{escape(caption)}">'
        f'<figcaption style="max-width:320px">{escape(caption)}</figcaption></figure>'
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [''.join(f'<th>{escape(name)}</th>' for name in head)]
    lines += [''.join(f'<td>{escape(cell)}</td>' for cell in row) for row in rows]
    return '<table>' + ''.join(f'<tr>{line}</tr>' for line in lines) + '</table>'


def _percent(share: float) -> str:
    return f'{100 * share:.1f} %'


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.3f}'

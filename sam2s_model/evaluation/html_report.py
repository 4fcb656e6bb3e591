"""A run as one HTML file that needs nothing beside it: figures, J over time, worst moments, frames of each video."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from sam2s_model.evaluation.absences import LONG_FRAMES, reacquisition
from sam2s_model.evaluation.conventions import Convention
from sam2s_model.evaluation.figures import Figures, VideoFigures
from sam2s_model.evaluation.pictures import Snapshot
from sam2s_model.evaluation.plot import plot
from sam2s_model.evaluation.run import VideoRecord
from sam2s_model.evaluation.summary import Summary

STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: .7em 0; } td, th { padding: 2px 10px; text-align: right; }
th { border-bottom: 1px solid #888; } td:first-child, th:first-child { text-align: left; }
figure { display: inline-block; margin: 3px; } figcaption { font-size: 12px; color: #555; } img { max-width: 320px; }
.sheet img { max-width: 190px; } svg { width: 100%; font-size: 11px; } .note { color: #555; font-size: 13px; }
"""
COLUMNS = ('J', 'F', 'J&F', 'presence precision', 'recall', 'switches', 'found again ≤ 2 s', 'names right')
LEGEND = (
    'White outlines are true, coloured areas predicted. Below the curves: when an object was there (grey) and when the '
    'tracker said so (coloured).'
)


def write_report(path: Path, summary: Summary, records: Sequence[VideoRecord]) -> None:
    """Write the report; records and videos of the summary come in the same order."""
    settings = ', '.join(f'{name} {value}' for name, value in summary.settings.items() if value is not None)
    rows = [(video.name, video.figures) for video in summary.videos]
    body = [
        f'<h1>Evaluation</h1><p>{escape(settings)}</p>',
        _table('video', [*rows, ('mean over videos', summary.mean)], summary.convention),
        f'<p class="note">{escape(LEGEND)}</p>',
    ]
    for video, record in zip(summary.videos, records, strict=True):
        body += _section(video, record, summary.convention)
    head = f'<meta charset="utf-8"><title>Evaluation</title><style>{STYLE}</style>'
    path.parent.mkdir(parents=True, exist_ok=True)
    content = '\n'.join(body)
    path.write_text(f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n')


def _section(video: VideoFigures, record: VideoRecord, convention: Convention) -> list[str]:
    objects = [(f'{row.object_id} {row.label}', row.figures) for row in video.objects]
    pace = f', {video.step_ms:.0f} ms a step' if video.step_ms else ''
    parts = [
        f'<h2>{escape(video.name)}</h2><p class="note">{escape(video.dataset)}, {video.frames} frames{pace}</p>',
        _table('object', objects, convention),
        plot(record.video),
    ]
    if record.album and record.album.worst:
        parts.append(f'<h3>Worst moments</h3><div>{"".join(map(_picture, record.album.worst))}</div>')
    if record.album:
        parts.append(f'<h3>Frames</h3><div class="sheet">{"".join(map(_picture, record.album.sheet))}</div>')
    return parts


def _picture(taken: Snapshot) -> str:
    caption = f'frame {taken.frame}' + (f', object {taken.object_id}, J {taken.j:.2f}' if taken.object_id else '')
    data = base64.b64encode(taken.jpeg).decode()
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{escape(caption)}">'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
    )


def _table(first: str, rows: Sequence[tuple[str, Figures]], convention: Convention) -> str:
    head = ''.join(f'<th>{escape(name)}</th>' for name in (first, *COLUMNS))
    lines = [f'<td>{escape(name)}</td>' + _cells(figures, convention) for name, figures in rows]
    return f'<table><tr>{head}</tr>' + ''.join(f'<tr>{line}</tr>' for line in lines) + '</table>'


def _cells(figures: Figures, convention: Convention) -> str:
    accuracy = figures.accuracy[convention]
    every, long = reacquisition(figures.absences), reacquisition(figures.absences, LONG_FRAMES)
    again = f'{_number(every.rate)} of {every.returns}' if every.returns else '–'
    again += f', long {_number(long.rate)} of {long.returns}' if long.returns else ''
    values = (
        *map(_number, (accuracy.j, accuracy.f, accuracy.jf, figures.presence.precision, figures.presence.recall)),
        str(figures.switches),
        again,
        _number(figures.labels.frame_accuracy),
    )
    return ''.join(f'<td>{value}</td>' for value in values)


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.3f}'

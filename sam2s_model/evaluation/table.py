"""The figures of a run for the terminal."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from sam2s_model.evaluation.absences import IN_TIME_S, LONG_FRAMES, reacquisition
from sam2s_model.evaluation.figures import Accuracy
from sam2s_model.evaluation.summary import Summary


def result_table(summary: Summary) -> Table:
    """A row with the scores of each object, then the means."""
    settings = summary.settings
    title = ', '.join(f'{name} {settings[name]}' for name in ('tracker', 'prompt', 'memory', 'score'))
    table = Table('video', 'object', title=title, box=box.SIMPLE_HEAD)
    for name in ('frames', 'J', 'F', 'J&F'):
        table.add_column(name, justify='right', no_wrap=True)
    for video in summary.videos:
        for row in video.objects:
            scores = _scores(row.figures.accuracy[summary.convention])
            name = f'{row.object_id} {row.label}'.strip()
            table.add_row(escape(video.name), escape(name), str(row.frames), *scores)
    table.add_section()
    table.add_row('mean over videos', '', '', *_scores(summary.mean.accuracy[summary.convention]))
    table.add_row('mean over objects', '', '', *_scores(summary.mean_over_objects.accuracy[summary.convention]))
    return table


def result_lines(summary: Summary) -> list[str]:
    """What the table does not show, a line each; what was not measured is left out."""
    figures = summary.mean
    presence, labels = figures.presence, figures.labels
    lines = [f'presence: precision {_number(presence.precision)}, recall {_number(presence.recall)}']
    lines.append(f'identity switches: {figures.switches}')
    for longer_than in (0, LONG_FRAMES):
        found = reacquisition(figures.absences, longer_than)
        if found.returns:
            which = f'after more than {longer_than} frames away' if longer_than else 'after any absence'
            delay = f', median delay {found.median_delay_s:.2f} s' if found.median_delay_s is not None else ''
            lines.append(f'found again within {IN_TIME_S:g} s {which}: {_number(found.rate)} of {found.returns}{delay}')
    if labels.frames:
        accuracies = f'{_number(labels.frame_accuracy)} of frames, {_number(labels.object_accuracy)} of objects'
        lines.append(f'instruments named rightly: {accuracies}')
    return lines


def _scores(accuracy: Accuracy) -> list[str]:
    return [_number(accuracy.j), _number(accuracy.f), _number(accuracy.jf)]


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.3f}'

"""python -m sam2s_model.data DATA...: check the true masks of videos and print what is in them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from sam2s_model.data.find import find_videos
from sam2s_model.data.labelled_video import UnreadableData
from sam2s_model.data.masklet_checks import CheckReport, check_masklets

COLOURS = {'error': 'red', 'warning': 'yellow', 'note': 'dim'}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 1 if there are errors."""
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.data', description='Check the true masks of videos.')
    parser.add_argument('data', nargs='+', type=Path, metavar='DATA', help='anything that the evaluation reads')
    parser.add_argument('--subset', type=int, metavar='N', help='look at the first N videos only')
    options = parser.parse_args(arguments)
    console = Console()
    try:
        sources = [source for path in options.data for source in find_videos(path)][: options.subset]
        reports = [check_masklets(source.open()) for source in track(sources, 'reading', transient=True)]
    except UnreadableData as error:
        console.print(f'error: {escape(str(error))}', style='red')
        return 1
    for report in reports:
        _print(console, report)
    unsound = sum(not report.sound for report in reports)
    console.print(f'{len(reports)} videos, {unsound} with errors')
    return int(unsound > 0)


def _print(console: Console, report: CheckReport) -> None:
    sizes = ', '.join(f'{width}×{height}' for height, width in report.sizes)
    title = f'{report.name}: {report.frames} frames, {report.annotated} annotated, {sizes}'
    table = Table('id', 'class', 'frames', 'first', 'last', 'gaps', 'longest', 'pixels', title=escape(title))
    for facts in report.masklets:
        numbers = (facts.visible, facts.first, facts.last, facts.gaps, facts.longest_gap)
        area = f'{facts.least_area} to {facts.most_area}'
        table.add_row(facts.object_id, facts.label, *('' if n is None else str(n) for n in numbers), area)
    console.print(table)
    for finding in report.findings:
        whose = f'object {finding.object_id}: ' if finding.object_id else ''
        console.print(f'  {finding.severity}: {escape(whose + finding.text)}', style=COLOURS[finding.severity])


if __name__ == '__main__':
    raise SystemExit(main())

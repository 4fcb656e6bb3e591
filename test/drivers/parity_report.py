"""The parity table as Markdown, with the facts one needs to judge it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import torch
from parity_row import Row
from parity_sources import PEERS, release

HEADINGS = ('what', 'network and input', 'px', 'switches', 'compared', 'least IoU', 'largest difference', 'bound', '')
SECTIONS = ('State dict', 'Parts', 'Whole videos, random weights', 'Whole videos, trained weights', 'Clips')

DEFINITION = """\
# Parity with the reference implementation

The reference is the PyPI package `sam2` 1.1.0 (Apache-2.0; the code of the SAM 2.1 release, uploaded by a third
party). Both implementations get the same weights, frames and prompts, in float32 on a CPU. **Parity holds** for a
part where no number differs by more than 1e-4; for a video where on every frame every mask has an IoU of at least
0.999 with the reference's, and no logit differs by 1e-3. Cells that only hole filling has decided count in masks,
not in logits; pixels with a logit below 1e-3 count in logits, not in masks. *released* and *VOS* are the switches
of SAM 2's video predictor and its benchmark script (`sam2s_model/switches.py`). Random weights are drawn anew and
large, always the same, so that no zero hides a difference; with them masks mean nothing, and errors of rounding may
grow: *1 click* at 512 px, *released*, differed by 6e-5 to 3e-4 with six other draws and by 2.2e-3, IoU 0.9997, with
one. The small network is ours, in published form but other widths, trained on a phantom video until its masks mean
something.

Not covered: the published weights, which were not at hand; GPUs, half precision, compiled networks; resizing of
frames (`test/model/test_image_transforms.py` has it); what SAM2S adds, long-term memory above all, which the
reference lacks.

`make parity` measures what has changed since, row by row, and writes this file.
"""


@dataclass(frozen=True)
class Entry:
    """A row with its outcome ('holds', 'FAILS' or why there is none) and the day of its measurement."""

    row: Row
    verdict: str
    day: str


def document(entries: Sequence[Entry], code: str) -> str:
    """The whole page."""
    days = sorted({entry.day for entry in entries if entry.day})
    measured = ' to '.join(dict.fromkeys((days[0], days[-1]))) if days else 'never'
    facts = f'Measured {measured}; {", ".join(release(name) for name in PEERS)}; {machine()}; code `{code[:12]}`.'
    ordered = sorted(entries, key=lambda entry: SECTIONS.index(entry.row.section))
    sections = groupby(ordered, key=lambda entry: entry.row.section)
    return '\n'.join([DEFINITION, facts, '', *(line for name, rows in sections for line in _section(name, list(rows)))])


def table(entries: Iterable[Entry]) -> list[str]:
    """Lines of a Markdown table; rows of the same line are merged."""
    lines: dict[tuple[str, str, str, int, str], list[Entry]] = {}
    for entry in entries:
        lines.setdefault(entry.row.line, []).append(entry)
    merged = [_merged(group) for group in lines.values()]
    return [_joined(HEADINGS), _joined(['---'] * len(HEADINGS)), *(_joined(_cells(entry)) for entry in merged)]


def machine() -> str:
    """Processor, threads and Python; not whose machine it is."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    processor = next((line.split(': ')[1] for line in lines if line.startswith('model name')), platform.machine())
    threads = f'{torch.get_num_threads()} of {os.cpu_count()} threads'
    return f'{processor}, {threads}, {platform.system()}, Python {platform.python_version()}'


def _section(name: str, entries: list[Entry]) -> list[str]:
    return [f'## {name}', '', *table(entries), '']


def _merged(group: list[Entry]) -> Entry:
    if len(group) == 1:
        return group[0]
    rows = [entry.row for entry in group]
    ious = [row.iou for row in rows if row.iou is not None]
    differences = [row.difference for row in rows if row.difference is not None]
    verdicts = sorted({entry.verdict for entry in group} - {'holds'})
    return Entry(
        row=replace(
            rows[0],
            compared=f'{len(group)} cases',
            iou=min(ious, default=None),
            difference=max(differences, default=None),
        ),
        verdict=', '.join(verdicts) or 'holds',
        day=max(entry.day for entry in group),
    )


def _cells(entry: Entry) -> list[str]:
    row = entry.row
    iou = '' if row.iou is None else f'{row.iou:.5f}'
    difference = '' if row.difference is None else f'{row.difference:.1e}'
    side = '' if row.side is None else str(row.side)
    return [row.name, row.ran_on, side, row.switches, row.compared, iou, difference, row.bound, entry.verdict]


def _joined(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'

"""The benchmark's figures: as JSON, as a table, and as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Column, Table

from sam2s_model.benchmark.long_video import LongVideo
from sam2s_model.benchmark.measure import Row
from sam2s_model.benchmark.stopwatch import STAGES, Timing

BUSY = 0.15  # cores of others from which on wall-clock times mean little
OURS, REFERENCE = 'ours', 'reference'


def as_json(rows: Sequence[Row], memory: Mapping[str, LongVideo], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All figures; `growth_mb` and `time_ratio` of ours lie on top."""
    ours = memory.get(OURS)
    return {
        'settings': dict(settings),
        'rows': [_row(row) for row in rows],
        'memory': {
            'growth_mb': ours.growth_mb if ours else None,
            'time_ratio': ours.time_ratio if ours else None,
            **{name: asdict(video) for name, video in memory.items()},
        },
    }


def _row(row: Row) -> dict[str, Any]:
    reference = row.reference
    return {
        **asdict(row.case),
        'options': list(row.case.options),
        'ours_ms': row.ours.wall_ms,
        'reference_ms': reference.wall_ms if reference else None,
        'ratio': ratio(row.ours.wall_ms, reference.wall_ms if reference else None),
        'cpu_ratio': ratio(row.ours.cpu_ms, reference.cpu_ms if reference else None),
        'ours_cpu_ms': row.ours.cpu_ms,
        'reference_cpu_ms': reference.cpu_ms if reference else None,
        'ours_stages_ms': row.ours.stages_ms,
        'transformers_ms': row.transformers.wall_ms if row.transformers else None,
        'reference_stages_ms': reference.stages_ms if reference else None,
        'rounds': row.rounds,
        'foreign_cpu': row.foreign_cpu,
    }


def ratio(ours: float, reference: float | None) -> float | None:
    """Our share of the reference's time; None without a reference."""
    return ours / reference if reference else None


def as_table(rows: Sequence[Row]) -> Table:
    """A row for each case, with its options below the model; the stages are ours/reference in ms."""
    model = Column('model', no_wrap=True)
    table = Table(model, 'px', 'type', 'objects', box=box.SIMPLE_HEAD, title='ms a frame: ours / reference')
    third = any(row.transformers for row in rows)
    stages = [stage.replace('_', ' ') for stage in STAGES]
    for name in ('frame', 'ratio', 'CPU ratio', *stages, *(['transformers'] if third else []), 'foreign CPU'):
        table.add_column(name, justify='right')
    for row in rows:
        case, reference = row.case, row.reference
        by_stage = (_pair(row.ours.stages_ms.get(name), _stage(reference, name)) for name in STAGES)
        table.add_row(
            '\n'.join((case.model, *case.options)), str(case.image_size), case.dtype, str(case.objects),
            _pair(row.ours.wall_ms, reference.wall_ms if reference else None),
            _number(ratio(row.ours.wall_ms, reference.wall_ms if reference else None)),
            _number(ratio(row.ours.cpu_ms, reference.cpu_ms if reference else None)),
            *by_stage,
            *([_pair(row.transformers.wall_ms, None) if row.transformers else '–'] if third else []),
            _foreign(row.foreign_cpu),
        )  # fmt: skip
    return table


def memory_line(name: str, video: LongVideo) -> str:
    """One implementation over a long video, in a sentence."""
    first, last = video.frames
    return (
        f'{name}, frames {first} to {last}: {video.growth_mb:+.1f} MB ({video.growth_mb_per_100:+.2f} MB per 100), '
        f'{video.time_ratio:.3f} times as long a frame, at most {video.peak_mb:.0f} MB'
    )


def _stage(timing: Timing | None, name: str) -> float | None:
    return timing.stages_ms.get(name) if timing else None


def _pair(ours: float | None, reference: float | None) -> str:
    if ours is None:
        return '–'
    return f'{ours:.0f} / {reference:.0f}' if reference is not None else f'{ours:.0f}'


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.2f}'


def _foreign(cores: float | None) -> str:
    if cores is None:
        return '?'
    return f'{cores:.2f} busy' if cores > BUSY else f'{cores:.2f}'

"""What tracking costs, against the number of objects and against the length of the video, as an SVG picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sam2s_model.benchmark.long_video import LongVideo, Sample
from sam2s_model.benchmark.measure import Row
from sam2s_model.benchmark.report import OURS, REFERENCE

WIDTH, HEIGHT, LEFT, TOP, LEGEND = 480, 200, 60, 20, 60
DASHES = ('', ' stroke-dasharray="5 4"')
COLOURS = ('#1b6ca8', '#c8553d', '#3a7d44', '#7b4b94')
Curve = list[tuple[float, float]]
Pair = tuple[Curve, Curve]  # ours, the reference's


def draw(rows: Sequence[Row], videos: Mapping[str, LongVideo]) -> str:
    """Solid lines are ours, dashed ones the reference; a colour for each model, size, number type and option."""
    charts = [
        _chart(_against_objects(rows), 'objects', 'ms'),
        _chart({'computing time of a frame': _against_frames(videos, lambda sample: sample.cpu_ms)}, 'frames', 'ms'),
        _chart({'memory of the process': _against_frames(videos, lambda sample: sample.resident_mb)}, 'frames', 'MB'),
    ]
    height = HEIGHT + TOP + LEGEND
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{height * len(charts)}" '
        'font-family="sans-serif" font-size="11">'
    ]
    for n, chart in enumerate(charts):
        lines += [f'<g transform="translate(0,{n * height})">', *chart, '</g>']
    return '\n'.join([*lines, '</svg>', ''])


def _chart(curves: Mapping[str, Pair], along: str, up: str) -> list[str]:
    """One coordinate system with all curves of more than one point."""
    curves = {name: pair for name, pair in curves.items() if any(len(curve) > 1 for curve in pair)}
    points = [point for pair in curves.values() for curve in pair for point in curve]
    most_x, most_y = (max((point[axis] for point in points), default=1.0) for axis in (0, 1))
    lines = [
        f'<path d="M{LEFT},{TOP} v{HEIGHT} h{WIDTH}" fill="none" stroke="#666"/>',
        f'<text x="{LEFT - 4}" y="{TOP + 4}" text-anchor="end">{most_y:.0f} {up}</text>',
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 14}" text-anchor="end">{most_x:.0f} {along}</text>',
    ]
    for n, (name, pair) in enumerate(curves.items()):
        colour, place = COLOURS[n % len(COLOURS)], LEFT + WIDTH * n // len(curves)
        lines.append(f'<text x="{place}" y="{TOP + HEIGHT + 34}" fill="{colour}">{name}</text>')
        for curve, dash in zip(pair, DASHES, strict=True):
            places = ' '.join(
                f'{LEFT + WIDTH * x / most_x:.1f},{TOP + HEIGHT * (1 - y / most_y):.1f}' for x, y in curve
            )
            lines.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    return lines


def _against_objects(rows: Sequence[Row]) -> dict[str, Pair]:
    curves: dict[str, Pair] = {}
    for row in sorted(rows, key=lambda row: row.case.objects):
        case = row.case
        name = ' '.join((case.model, str(case.image_size), case.dtype, *case.options))
        ours, theirs = curves.setdefault(name, ([], []))
        ours.append((case.objects, row.ours.wall_ms))
        if row.reference is not None:
            theirs.append((case.objects, row.reference.wall_ms))
    return curves


def _against_frames(videos: Mapping[str, LongVideo], cost: Callable[[Sample], float]) -> Pair:
    ours, theirs = (
        [(float(sample.frame), cost(sample)) for sample in videos[name].samples] if name in videos else []
        for name in (OURS, REFERENCE)
    )
    return ours, theirs

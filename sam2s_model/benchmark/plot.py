"""Time against the number of objects, as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence

from sam2s_model.benchmark.measure import Row

WIDTH, HEIGHT, LEFT, TOP = 480, 260, 50, 20
COLOURS = ('#1b6ca8', '#c8553d', '#3a7d44', '#7b4b94')
Curve = list[tuple[int, float]]  # objects, ms a frame


def draw(rows: Sequence[Row]) -> str:
    """Solid lines are ours, dashed ones the reference; a colour for each model, size and number type."""
    curves = {name: (ours, theirs) for name, (ours, theirs) in _curves(rows).items() if len(ours) > 1}
    points = [point for pair in curves.values() for curve in pair for point in curve]
    most_objects = max((objects for objects, _ in points), default=1)
    most_ms = max((ms for _, ms in points), default=1.0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{HEIGHT + TOP + 60}" '
        'font-family="sans-serif" font-size="11">',
        f'<path d="M{LEFT},{TOP} v{HEIGHT} h{WIDTH}" fill="none" stroke="#666"/>',
        f'<text x="{LEFT - 4}" y="{TOP + 4}" text-anchor="end">{most_ms:.0f} ms</text>',
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 14}" text-anchor="end">{most_objects} objects</text>',
    ]
    for n, (name, pair) in enumerate(curves.items()):
        colour = COLOURS[n % len(COLOURS)]
        lines.append(f'<text x="{LEFT + 120 * n}" y="{TOP + HEIGHT + 40}" fill="{colour}">{name}</text>')
        for curve, dash in zip(pair, ('', ' stroke-dasharray="5 4"'), strict=True):
            places = ' '.join(
                f'{LEFT + WIDTH * objects / most_objects:.1f},{TOP + HEIGHT * (1 - ms / most_ms):.1f}'
                for objects, ms in curve
            )
            lines.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    return '\n'.join([*lines, '</svg>', ''])


def _curves(rows: Sequence[Row]) -> dict[str, tuple[Curve, Curve]]:
    curves: dict[str, tuple[Curve, Curve]] = {}
    for row in sorted(rows, key=lambda row: row.case.objects):
        name = f'{row.case.model} {row.case.image_size} {row.case.dtype}'
        ours, theirs = curves.setdefault(name, ([], []))
        ours.append((row.case.objects, row.ours.wall_ms))
        if row.reference is not None:
            theirs.append((row.case.objects, row.reference.wall_ms))
    return curves

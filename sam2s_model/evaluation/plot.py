"""J of each object over time, as an SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sam2s_model.evaluation.evaluate import TrackedVideo
from sam2s_model.evaluation.moments import Moment
from sam2s_model.evaluation.pictures import COLOURS

WIDTH, HEIGHT = 900, 160  # of the curves, in pixels
LEFT, TOP = 40, 8
STRIP = 7  # height of the strip that shows when an object is there
POINTS = 450  # of a curve; of more moments the worst in each stretch is drawn


def plot(video: TrackedVideo) -> str:
    """An <svg> element: a curve for each object, below it when it was there (grey) and said to be there (coloured)."""
    objects = {object_id: moments for object_id, moments in video.moments.items() if moments}
    total = HEIGHT + TOP + 18 + (2 * STRIP + 3) * len(objects)
    parts = [f'<svg viewBox="0 0 {LEFT + WIDTH + 10} {total}" role="img">', *_axes(video.frames)]
    for row, (object_id, moments) in enumerate(objects.items()):
        colour = f'rgb{COLOURS[list(video.objects).index(object_id) % len(COLOURS)]}'
        name = escape(f'{object_id} {video.objects[object_id]}'.strip())
        parts.append(f'<polyline fill="none" stroke="{colour}" points="{_curve(moments, video.frames)}">'
                     f'<title>{name}</title></polyline>')  # fmt: skip
        y = TOP + HEIGHT + 18 + row * (2 * STRIP + 3)
        parts.append(f'<text x="{LEFT - 4}" y="{y + 2 * STRIP - 3}" text-anchor="end">{escape(object_id)}</text>')
        parts += _strip([m.frame for m in moments if m.area], video, y, '#999')
        parts += _strip([m.frame for m in moments if m.claimed], video, y + STRIP, colour)
    return '\n'.join([*parts, '</svg>'])


def _axes(frames: int) -> list[str]:
    lines = []
    for level in (0.0, 0.5, 1.0):
        y = _y(level)
        lines.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#ccc"/>')
        lines.append(f'<text x="{LEFT - 4}" y="{y + 4}" text-anchor="end">{level:g}</text>')
    lines.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 13}">frame 0</text>')
    lines.append(f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 13}" text-anchor="end">{frames - 1}</text>')
    return lines


def _curve(moments: Sequence[Moment], frames: int) -> str:
    stretch = -(-len(moments) // POINTS)
    worst = [min(moments[n : n + stretch], key=lambda moment: moment.j) for n in range(0, len(moments), stretch)]
    return ' '.join(f'{_x(moment.frame, frames):.1f},{_y(moment.j):.1f}' for moment in worst)


def _strip(shown: Sequence[int], video: TrackedVideo, y: int, colour: str) -> list[str]:
    """A bar for each run of annotated frames on which something is the case."""
    place = {frame: n for n, frame in enumerate(video.annotated)}
    runs: list[list[int]] = []
    for frame in shown:
        if not runs or place[frame] != place[runs[-1][-1]] + 1:
            runs.append([])
        runs[-1].append(frame)
    return [
        f'<rect x="{_x(run[0], video.frames):.1f}" y="{y}" height="{STRIP - 1}" fill="{colour}" '
        f'width="{max(_x(run[-1] + 1, video.frames) - _x(run[0], video.frames), 1):.1f}"/>'
        for run in runs
    ]


def _x(frame: int, frames: int) -> float:
    return LEFT + WIDTH * frame / max(frames, 1)


def _y(level: float) -> float:
    return TOP + HEIGHT * (1 - level)

"""Score, area and state of each object over time: kept while a recording goes by, drawn as SVG afterwards."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from sam2s_ros.overlay import colour_of
from sam2s_ros.track_state import TrackState
from sam2s_ros.tracked_image import TrackedImage

WIDTH, HEIGHT = 900, 120  # of the curves, in pixels
LEFT, TOP, STRIP = 60, 8, 10
POINTS = 450  # of a curve
STATE_COLOURS = {
    TrackState.TENTATIVE: '#bfe3c4',
    TrackState.TRACKED: '#4caf50',
    TrackState.UNCERTAIN: '#ffb300',
    TrackState.OCCLUDED: '#b0b0b0',
    TrackState.LOST: '#d32f2f',
    TrackState.FROZEN: '#5c9ded',
}


@dataclass
class ObjectCurve:
    """One object: on which images of the topic it was tracked, and how.

    Attributes:
        label: Its class name, empty while unknown. slot: Number of its colour.
        frames, scores, areas, states: One value for each image on which it was tracked.
    """

    label: str
    slot: int
    frames: array[int] = field(default_factory=lambda: array('l'))
    scores: array[float] = field(default_factory=lambda: array('f'))
    areas: array[int] = field(default_factory=lambda: array('l'))
    states: bytearray = field(default_factory=bytearray)

    def share(self, *states: TrackState) -> float:
        """On which part of the images it was in one of the states, in [0, 1]."""
        return sum(self.states.count(state) for state in states) / max(len(self.states), 1)


class TrackCurves:
    """The curves of all objects of one topic; a few bytes for each object on each image."""

    def __init__(self) -> None:
        self.objects: dict[str, ObjectCurve] = {}
        self.frames = 0
        self.first_stamp_ns = self.last_stamp_ns = 0

    @property
    def seconds(self) -> float:
        """From the first image to the last."""
        return (self.last_stamp_ns - self.first_stamp_ns) / 1e9

    def add(self, tracked: TrackedImage) -> None:
        """Note the objects of an image."""
        self.last_stamp_ns = tracked.image.stamp_ns
        self.first_stamp_ns = self.first_stamp_ns if self.frames else self.last_stamp_ns
        for found in tracked.objects:
            name, label = found.identity.object_id, found.object_class.name
            curve = self.objects.setdefault(name, ObjectCurve(label, found.identity.slot))
            curve.label = label or curve.label
            curve.frames.append(self.frames)
            curve.scores.append(found.score)
            curve.areas.append(found.area)
            curve.states.append(found.state)
        self.frames += 1


def draw_scores(curves: TrackCurves) -> str:
    """An <svg>: predicted quality of each object, below it a strip with its state."""
    total = TOP + HEIGHT + 18 + (STRIP + 4) * len(curves.objects)
    parts = [*_open(total), *_axes(curves, ('0', '0.5', '1'))]
    parts += [_line(name, c.frames, c.scores, 1.0, c.slot, curves.frames) for name, c in curves.objects.items()]
    for row, (name, curve) in enumerate(curves.objects.items()):
        y = TOP + HEIGHT + 18 + row * (STRIP + 4)
        parts.append(f'<text x="{LEFT - 4}" y="{y + STRIP}" text-anchor="end">{escape(name)}</text>')
        parts += _strip(curve, curves.frames, y)
    return '\n'.join([*parts, '</svg>'])


def draw_areas(curves: TrackCurves) -> str:
    """An <svg>: pixels of each object's mask."""
    largest = max((max(curve.areas) for curve in curves.objects.values() if curve.areas), default=0) or 1
    parts = [*_open(TOP + HEIGHT + 18), *_axes(curves, ('0', f'{largest / 2:.0f}', f'{largest}'))]
    for name, curve in curves.objects.items():
        parts.append(_line(name, curve.frames, curve.areas, largest, curve.slot, curves.frames))
    return '\n'.join([*parts, '</svg>'])


def _open(height: int) -> list[str]:
    return [f'<svg viewBox="0 0 {LEFT + WIDTH + 10} {height}" role="img">']


def _axes(curves: TrackCurves, levels: Sequence[str]) -> list[str]:
    lines = []
    for number, name in enumerate(levels):
        y = TOP + HEIGHT * (1 - number / (len(levels) - 1))
        lines.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#ccc"/>')
        lines.append(f'<text x="{LEFT - 4}" y="{y + 4}" text-anchor="end">{name}</text>')
    lines.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 13}">0 s</text>')
    end = f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 13}" text-anchor="end">{curves.seconds:.1f} s</text>'
    return [*lines, end]


def _line(name: str, frames: Sequence[int], values: Sequence[float], full: float, slot: int, total: int) -> str:
    """A curve; of more values than `POINTS` the least of each stretch is drawn."""
    stretch = -(-len(values) // POINTS) or 1
    chosen = [min(range(n, min(n + stretch, len(values))), key=values.__getitem__)
              for n in range(0, len(values), stretch)]  # fmt: skip
    points = ' '.join(f'{_x(frames[n], total):.1f},{TOP + HEIGHT * (1 - values[n] / full):.1f}' for n in chosen)
    colour = f'rgb{colour_of(slot)}'
    return f'<polyline fill="none" stroke="{colour}" points="{points}"><title>{escape(name)}</title></polyline>'


def _strip(curve: ObjectCurve, total: int, y: int) -> list[str]:
    """A bar for each run of images in one state."""
    bars = []
    placed = zip(curve.frames, curve.states, strict=True)
    for (state, _), run in groupby(enumerate(placed), key=lambda item: (item[1][1], item[1][0] - item[0])):
        frames = [frame for _, (frame, _) in run]
        left, right = _x(frames[0], total), _x(frames[-1] + 1, total)
        name, colour = TrackState(state).name, STATE_COLOURS[TrackState(state)]
        bars.append(
            f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 1):.1f}" height="{STRIP}" fill="{colour}">'
            f'<title>{name}</title></rect>'
        )
    return bars


def _x(frame: int, total: int) -> float:
    return LEFT + WIDTH * frame / max(total, 1)

"""What kind of video to make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sam2s_model.phantom.disturbance_rates import USUAL, DisturbanceRates
from sam2s_model.phantom.instrument_designs import CLASSES
from sam2s_model.phantom.procedures import PROCEDURES
from sam2s_model.phantom.tissue_kinds import KINDS


@dataclass(frozen=True)
class PhantomConfig:
    """Settings of one video; see `PRESETS`.

    Attributes:
        height, width: Image size in pixels.
        frames: Number of frames, T. fps: Frames a second; motion is in real seconds.
        objects: Fewest and most prompted objects.
        distractors: Most objects that are there but not prompted (their pixels are background).
        instruments: Share of instruments among the prompted objects.
        instrument_parts: How often only a part of an instrument is what is prompted.
        foreign: Share of things that do not belong to a body (shapes, creatures) among those that are no instruments,
            on tissue; elsewhere all are.
        lookalikes: How often something is joined by another that looks the same.
        cutouts: Share of photographed cut-outs among foreign things, where such pictures are installed.
        hidden: How often a foreign thing has nearly the colours of what lies behind it.
        hard: How often an object or the camera moves in one of the ways that make trackers lose it.
        workers: Fewest and most instruments that are at work without being prompted.
        tissue: Share of videos on tissue; the others have arbitrary backgrounds.
        typical: Share of those whose tissue and instruments belong to one procedure; in the others all may meet.
        pushed: How often a tool drags the tissue that it touches.
        absence: How often an object leaves and returns. late: How often it is away at first.
        stays, absences: Shortest and longest, in seconds; videos of less than eight seconds shrink them.
        replaced: How often another of its class works in an instrument's place while that is away.
        motion: Amount of object and camera motion, 1 as in surgery. zooming: Of zoom, in relation to that.
        disturbance: Strength of smoke, blur, noise and the like, in [0, 1]. rates: How often each of them occurs.
        classes: Instrument classes, tissues: kinds of tissue, procedures: looks to choose from.
        photos: Use photographs that other packages install (see `pictures`). Videos then depend on whether they
            are, so that only training uses them.
    """

    height: int = 256
    width: int = 256
    frames: int = 8
    fps: float = 25.0
    objects: tuple[int, int] = (1, 4)
    distractors: int = 2
    instruments: float = 0.5
    instrument_parts: float = 0.0
    foreign: float = 0.5
    lookalikes: float = 0.25
    cutouts: float = 0.0
    hidden: float = 0.0
    hard: float = 0.0
    workers: tuple[int, int] = (0, 0)
    tissue: float = 0.6
    typical: float = 0.5
    pushed: float = 0.5
    absence: float = 0.2
    late: float = 0.05
    stays: tuple[float, float] = (2.0, 6.4)
    absences: tuple[float, float] = (1.0, 3.2)
    replaced: float = 0.0
    motion: float = 1.0
    zooming: float = 1.0
    disturbance: float = 1.0
    rates: DisturbanceRates = USUAL
    classes: tuple[str, ...] = CLASSES
    tissues: tuple[str, ...] = tuple(KINDS)
    procedures: tuple[str, ...] = tuple(PROCEDURES)
    photos: bool = False

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 32:
            raise ValueError(f'a phantom needs at least 32×32 pixels, got {self.height}×{self.width}')
        if self.frames < 1 or self.fps <= 0:
            raise ValueError(f'expected frames ≥ 1 and fps > 0, got frames={self.frames}, fps={self.fps}')
        if not 1 <= self.objects[0] <= self.objects[1] <= 200:
            raise ValueError(f'objects must be (fewest, most) with 1 ≤ fewest ≤ most ≤ 200, got {self.objects}')
        _check_names('instrument classes', self.classes, CLASSES)
        _check_names('tissues', self.tissues, tuple(KINDS))
        _check_names('procedures', self.procedures, tuple(PROCEDURES))


def _check_names(what: str, chosen: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        raise ValueError(f'unknown {what} {unknown}; choose from {sorted(known)}')


PRESETS = {
    # Instruments at work on tissue: what the demo bag shows.
    'surgery': PhantomConfig(
        height=360, width=480, frames=400, objects=(3, 3), distractors=0, instruments=0.8, foreign=0.0, lookalikes=0.0,
        tissue=1.0, typical=1.0, absence=0.7, late=0.2, motion=0.7, disturbance=0.35,
    ),
    # Four seconds in which instruments and tissue are seen, hidden, left and found again.
    'short': PhantomConfig(
        frames=100, objects=(2, 4), distractors=1, instruments=0.6, foreign=0.1, lookalikes=0.2, tissue=1.0,
        typical=1.0, absence=0.35, late=0.1, replaced=0.3, motion=0.9, disturbance=0.6,
    ),
    # Long work in which instruments are away for more than 200 frames, and look-alikes come in their place.
    'long': PhantomConfig(
        frames=2000, objects=(3, 4), distractors=2, instruments=0.85, foreign=0.0, tissue=1.0, typical=1.0,
        absence=0.85, late=0.1, stays=(10.0, 22.0), absences=(9.0, 18.0), replaced=0.6, motion=0.8, disturbance=0.5,
    ),
    # Anything that can be prompted, on anything: half of the objects are no instruments.
    'training': PhantomConfig(
        instruments=0.42, instrument_parts=0.12, foreign=0.6, cutouts=0.6, hidden=0.15, hard=0.35,
        replaced=0.2, photos=True
    ),
}  # fmt: skip


def preset(name: str, **changes: Any) -> PhantomConfig:
    """A preset with some fields changed."""
    if name not in PRESETS:
        raise ValueError(f'unknown preset {name!r}; choose from {sorted(PRESETS)}')
    return replace(PRESETS[name], **changes)

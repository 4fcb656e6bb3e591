"""The 21 instrument classes of SAM2S: outlines of their jaws and tips, drawn here by eye.

Coordinates are in shaft diameters; x points along the instrument to its tip, the origin is the joint. The outline is
that of the upper jaw (y < 0, y grows downwards); the lower jaw is its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from sam2s_model.phantom.flexible import catheter, needle, thread
from sam2s_model.phantom.noise import Array

Outline: TypeAlias = tuple[tuple[float, float], ...]
Finish: TypeAlias = Literal['steel', 'dark', 'gold', 'white', 'blue', 'tan', 'thread', 'plastic']


@dataclass(frozen=True)
class InstrumentDesign:
    """One class of instruments.

    Attributes:
        jaw: Outline of the upper jaw, empty for an instrument with a fixed tip.
        lower_jaw: Outline of the lower jaw where it is not the upper one's mirror image.
        holes: Windows in the jaw or the tip.
        tip: Outline of a fixed tip, drawn at the joint, or what draws one that is never twice the same.
        opening: Largest angle between the jaws, in radians.
        one_moves: Whether only the upper jaw opens.
        loop: Whether the tip is a loop, which becomes wide and narrow as jaws open and close.
        wrist: Length and radius of the link between shaft and joint; length 0 for a straight instrument.
        wrist_finish, tip_finish, lower_finish: Materials.
        ribs: Grooves across the jaws for each unit, 0 for smooth ones.
        sheath: Whether a conical cover hides the wrist.
        shaft: Whether it has one; what has none lies about freely.
        limp: Whether the tip bends.
        slender: Diameter in relation to that of most instruments.
    """

    jaw: Outline = ()
    holes: tuple[Outline, ...] = ()
    lower_jaw: Outline = ()
    tip: Outline | Callable[[np.random.Generator], Array] = ()
    opening: float = 0.0
    one_moves: bool = False
    loop: bool = False
    wrist: tuple[float, float] = (0.9, 0.38)
    wrist_finish: Finish = 'steel'
    tip_finish: Finish = 'steel'
    lower_finish: Finish | None = None
    ribs: float = 0.0
    sheath: bool = False
    shaft: bool = True
    limp: bool = False
    slender: float = 1.0


def smooth_outline(points: Outline) -> Array:
    """Round the corners of an outline (two rounds of Chaikin's corner cutting): (P, 2)."""
    curve = np.array(points, float)
    for _ in range(2):
        following = np.roll(curve, -1, axis=0)
        curve = np.stack([0.78 * curve + 0.22 * following, 0.22 * curve + 0.78 * following], axis=1).reshape(-1, 2)
    return curve


def mirrored(outline: Array) -> Array:
    """The outline of the lower jaw."""
    return outline * np.array([1.0, -1.0])


def _window(centre: tuple[float, float], half_length: float, half_width: float) -> Outline:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return tuple(
        (centre[0] + half_length * float(np.cos(a)), centre[1] + half_width * float(np.sin(a))) for a in angles
    )


DESIGNS = {
    'grasper': InstrumentDesign(
        jaw=((-0.15, 0.04), (-0.15, -0.24), (0.35, -0.36), (1.7, -0.30), (2.2, -0.17), (2.25, 0.0)),
        holes=(_window((1.1, -0.17), 0.55, 0.075),), opening=0.9, ribs=5.0,
    ),
    'scissors': InstrumentDesign(
        jaw=((-0.2, 0.06), (-0.2, -0.2), (0.5, -0.27), (1.3, -0.24), (2.0, -0.02), (2.05, 0.07),
             (1.3, 0.0), (0.4, 0.02)),
        opening=0.9, wrist=(0.7, 0.33),
    ),
    'needle driver': InstrumentDesign(
        jaw=((-0.15, 0.03), (-0.15, -0.3), (0.4, -0.36), (0.95, -0.25), (1.15, -0.1), (1.15, 0.0)),
        opening=0.7, ribs=9.0, tip_finish='gold',
    ),
    'hook': InstrumentDesign(
        tip=((-0.2, -0.13), (1.4, -0.12), (1.62, 0.0), (1.64, 0.62), (1.42, 0.66), (1.38, 0.14), (-0.2, 0.13)),
        wrist=(0.6, 0.3), wrist_finish='white',
    ),
    'suction': InstrumentDesign(
        tip=((-0.3, -0.3), (2.9, -0.27), (3.05, -0.12), (3.05, 0.12), (2.9, 0.27), (-0.3, 0.3)),
        holes=(_window((2.55, -0.08), 0.1, 0.06), _window((2.2, 0.1), 0.1, 0.06), _window((1.85, -0.1), 0.1, 0.06)),
        wrist=(0.0, 0.5),
    ),
    'clip applier': InstrumentDesign(
        jaw=((-0.15, 0.0), (-0.15, -0.26), (0.8, -0.22), (1.3, -0.42), (1.8, -0.46), (1.9, -0.32),
             (1.75, -0.18), (1.2, -0.06)),
        opening=0.5, tip_finish='dark', wrist=(0.6, 0.42),
    ),
    'bipolar forceps': InstrumentDesign(
        jaw=((-0.15, 0.03), (-0.15, -0.26), (0.5, -0.34), (1.3, -0.24), (1.9, 0.1), (1.95, 0.2),
             (1.82, 0.2), (1.2, -0.02)),
        opening=1.0, wrist=(1.0, 0.36), wrist_finish='blue',
    ),
    'vessel sealer': InstrumentDesign(
        jaw=((-0.2, 0.02), (-0.2, -0.44), (1.6, -0.46), (2.1, -0.36), (2.25, -0.15), (2.25, 0.0)),
        opening=0.6, wrist=(0.5, 0.47), tip_finish='dark', lower_finish='white',
    ),
    'prograsp forceps': InstrumentDesign(
        jaw=((-0.15, 0.03), (-0.15, -0.32), (0.45, -0.52), (1.15, -0.48), (1.55, -0.26), (1.62, 0.0)),
        holes=(_window((0.55, -0.22), 0.2, 0.1), _window((1.1, -0.2), 0.2, 0.1)), opening=0.8, ribs=7.0,
    ),
    'ultrasound probe': InstrumentDesign(
        tip=((-0.4, -0.5), (0.5, -0.62), (2.2, -0.62), (2.6, -0.4), (2.7, 0.05), (2.5, 0.35), (1.9, 0.44), (-0.4, 0.5)),
        wrist=(0.4, 0.4), wrist_finish='dark', tip_finish='white',
    ),
    'monopolar scissors': InstrumentDesign(
        jaw=((-0.2, 0.05), (-0.2, -0.15), (0.4, -0.2), (0.9, -0.15), (1.3, 0.0), (1.3, 0.06), (0.8, 0.0)),
        opening=0.8, wrist=(1.1, 0.48), wrist_finish='tan', sheath=True,
    ),
    'dissecting grasper': InstrumentDesign(
        jaw=((-0.15, 0.03), (-0.15, -0.22), (0.5, -0.30), (1.3, -0.16), (2.0, 0.28), (2.12, 0.46),
             (2.02, 0.48), (1.2, 0.02)),
        lower_jaw=((-0.15, -0.03), (-0.15, 0.24), (0.5, 0.27), (1.1, 0.30), (1.85, 0.66), (2.02, 0.62),
                   (2.04, 0.50), (1.2, 0.04)),
        opening=0.8, wrist=(0.5, 0.34), ribs=8.0,
    ),
    'bipolar': InstrumentDesign(
        jaw=((-0.5, 0.0), (-0.5, -0.3), (0.3, -0.34), (1.6, -0.52), (2.5, -0.42), (3.1, -0.06), (3.1, 0.02),
             (2.4, -0.2), (1.6, -0.32), (0.3, -0.1)),
        opening=0.35, wrist=(0.0, 0.5), tip_finish='steel',
    ),
    'needle holder': InstrumentDesign(
        jaw=((-0.3, 0.02), (-0.3, -0.44), (0.4, -0.42), (1.5, -0.24), (1.62, -0.1), (1.62, 0.0)),
        opening=0.6, one_moves=True, wrist=(0.0, 0.5), ribs=14.0, tip_finish='gold', lower_finish='steel',
    ),
    'grasping retractor': InstrumentDesign(
        jaw=((-0.2, 0.02), (-0.2, -0.3), (0.6, -0.5), (2.6, -0.78), (3.5, -0.72), (3.7, -0.4), (3.6, 0.0)),
        holes=(_window((1.2, -0.27), 0.35, 0.12), _window((2.1, -0.34), 0.35, 0.18), _window((3.0, -0.36), 0.32, 0.2)),
        opening=0.7, wrist=(0.5, 0.4), ribs=3.0,
    ),
    'snare': InstrumentDesign(
        tip=((-1.2, -0.2), (0.3, -0.2), (1.6, -1.4), (4.2, -2.1), (6.2, -1.2), (7.2, 0.0), (6.2, 1.2), (4.2, 2.1),
             (1.6, 1.4), (0.3, 0.2), (-1.2, 0.2)),
        holes=(((0.9, 0.0), (1.8, -1.1), (4.2, -1.7), (5.8, -1.0), (6.5, 0.0), (5.8, 1.0), (4.2, 1.7), (1.8, 1.1)),),
        opening=1.0, loop=True, wrist=(0.0, 0.5), tip_finish='steel', slender=0.38,
    ),
    'ligature': InstrumentDesign(
        tip=((-1.0, -0.3), (0.5, -0.34), (0.9, -0.6), (2.6, -1.55), (4.6, -1.3), (5.3, 0.0), (4.6, 1.3), (2.6, 1.55),
             (0.9, 0.6), (0.5, 0.34), (-1.0, 0.3)),
        holes=(((1.3, 0.0), (1.7, -0.62), (2.7, -1.13), (4.3, -0.95), (4.8, 0.0), (4.3, 0.95), (2.7, 1.13),
                (1.7, 0.62)),),
        opening=1.0, loop=True, wrist=(0.0, 0.5), tip_finish='thread', slender=0.5,
    ),
    'catheter': InstrumentDesign(
        tip=catheter, wrist=(0.0, 0.5), tip_finish='plastic', shaft=False, limp=True, slender=0.5,
    ),
    'suturing needle': InstrumentDesign(tip=needle, wrist=(0.0, 0.5), shaft=False),
    'thread': InstrumentDesign(
        tip=thread, wrist=(0.0, 0.5), tip_finish='thread', shaft=False, limp=True, slender=0.28,
    ),
    'clamp': InstrumentDesign(
        jaw=((-1.5, 0.62), (-1.62, 0.42), (-1.1, 0.2), (0.0, -0.2), (0.6, -0.42), (2.6, -0.28), (2.75, -0.12),
             (2.7, 0.0), (0.6, -0.04), (0.0, 0.2), (-0.9, 0.52)),
        opening=0.45, ribs=6.0, wrist=(0.0, 0.5), shaft=False,
    ),
}  # fmt: skip

# The order in which the paper's class wheel names them.
CLASSES = (
    'ligature', 'grasper', 'dissecting grasper', 'hook', 'needle driver', 'bipolar forceps', 'clip applier',
    'monopolar scissors', 'prograsp forceps', 'scissors', 'bipolar', 'suction', 'needle holder', 'snare', 'catheter',
    'ultrasound probe', 'vessel sealer', 'grasping retractor', 'suturing needle', 'thread', 'clamp',
)  # fmt: skip

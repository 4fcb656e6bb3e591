"""How an instrument is handled: it enters through a trocar, works around a spot, opens its jaws, leaves and returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.instrument_designs import DESIGNS, InstrumentDesign
from sam2s_model.phantom.instruments import InstrumentPose, InstrumentSprites, build_instrument, place_instrument
from sam2s_model.phantom.motion import oscillation, velocity, wander
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.warps import soft_motion

# The whole instrument, its wrist and jaws alone, or its shaft alone: what a person may point at.
_SCOPES = {'': (True, True), ' tip': (False, True), ' shaft': (True, False)}


@dataclass(frozen=True)
class Handling:
    """How an actor comes and goes.

    Attributes:
        activity: Amount of motion, 1 as in surgery.
        inside: (T,) from 0, far outside the image, to 1, in its place.
        shutter: Seconds for which the shutter is open; 0 gives no motion blur.
        prompted: Whether it gets a label.
        hard: Whether it moves in one of the ways that make trackers lose it.
    """

    activity: float
    inside: Array
    shutter: float
    prompted: bool
    hard: bool = False


def draw_size(rng: np.random.Generator, side: int, name: str) -> float:
    """A shaft diameter in pixels for an instrument of class `name`: far and thin to near and thick."""
    return float(DESIGNS[name].slender * side * np.exp(rng.uniform(np.log(0.045), np.log(0.2))))


def instrument_actor(
    rng: np.random.Generator,
    name: str,
    sprites: InstrumentSprites,
    diameter: float,
    camera: CameraPath,
    handling: Handling,
    parts_share: float,
    station: Array,
) -> Actor:
    """Move an instrument through the video.

    Args:
        diameter: Of the shaft, in pixels.
        parts_share: How often only a part of it, tip or shaft, is what is prompted.
        station: (2,) world point around which it works.
    """  # fmt: skip
    has_parts = handling.prompted and sprites.shaft is not None
    scope = str(rng.choice([' tip', ' shaft'])) if has_parts and rng.random() < parts_share else ''
    poses = _poses(rng, diameter, sprites.design, camera, handling, station)
    placements = tuple(place_instrument(sprites, at, _SCOPES[scope]) if shown else () for at, shown in poses)
    touch = np.array([_tip_point(at, sprites.design) for at, _ in poses]) if sprites.design.shaft else None
    return Actor(name + scope, True, handling.prompted, placements, float(rng.uniform(0, 0.6)), touch)


def new_instrument(rng: np.random.Generator, name: str, diameter: float) -> InstrumentSprites:
    """Draw an instrument with the sharpness it needs when it comes near."""
    return build_instrument(rng, name, 1.15 * diameter)


def _tip_point(at: InstrumentPose, design: InstrumentDesign) -> tuple[float, float]:
    """Image pixel at the middle of the jaws."""
    reach = (design.wrist[0] + 1.2) * at.diameter * at.stretch
    return at.joint[0] + reach * np.cos(at.angle + at.bend), at.joint[1] + reach * np.sin(at.angle + at.bend)


def _poses(
    rng: np.random.Generator,
    diameter: float,
    design: InstrumentDesign,
    camera: CameraPath,
    handling: Handling,
    station: Array,
) -> list[tuple[InstrumentPose, bool]]:
    times, side = camera.times, camera.side
    joint, angle = _path(rng, camera, handling, station)
    if not design.shaft and not design.limp:  # it is in no trocar that would hold it straight
        angle = angle + wander(rng, times, rng.uniform(1.0, 4.0), 0.8 * handling.activity)[:, 0]
    warp = soft_motion(rng, times, 0.05 * min(handling.activity, 1.5)) if design.limp else None
    widest = 1.2 * design.opening
    depth = np.exp(wander(rng, times, rng.uniform(1.5, 4.0), 0.16 * handling.activity)[:, 0])
    bend = wander(rng, times, rng.uniform(0.8, 2.5), rng.choice([0.15, 0.9]))[:, 0]
    opening = oscillation(rng, times, 0.02, widest * rng.uniform(0.4, 1.0), rng.uniform(0.5, 2.0))
    stretch = 1 - oscillation(rng, times, 0.0, 0.4, rng.uniform(1.0, 3.0))
    smear = np.clip(velocity(joint, times) * handling.shutter, -0.06 * side, 0.06 * side)
    gain = depth * rng.uniform(0.75, 1.15)
    taper, reach = rng.uniform(1.0, 1.5), 2.4 * max(camera.height, camera.width)
    return [
        (
            InstrumentPose(
                (float(joint[t, 0]), float(joint[t, 1])), float(angle[t]), float(bend[t]), float(opening[t]),
                float(diameter * depth[t]), float(taper), reach, float(stretch[t]), float(gain[t]),
                (float(smear[t, 0]), float(smear[t, 1])), None if warp is None else warp[t],
            ),
            bool(handling.inside[t] > 0),
        )
        for t in range(len(times))
    ]  # fmt: skip


def _path(rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array) -> tuple[Array, Array]:
    """Joint (T, 2) in image pixels and shaft angle (T,)."""
    times, side = camera.times, camera.side
    work = wander(rng, times, rng.uniform(0.7, 2.2), 0.22 * handling.activity, 2)
    tremor = wander(rng, times, 0.12, 0.003, 2)
    spot = (station + work + tremor - 0.6 * camera.pan) * side + np.array([camera.width / 2, camera.height / 2])
    trocar_angle = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.7:  # most trocars are at the sides
        trocar_angle = rng.choice([0.0, np.pi]) + rng.normal(0, 0.5)
    trocar = np.array([camera.width, camera.height]) / 2 + rng.uniform(1.2, 2.4) * side * np.array(
        [np.cos(trocar_angle), np.sin(trocar_angle)]
    )
    heading = spot - trocar
    heading = heading / np.linalg.norm(heading, axis=1, keepdims=True)
    withdrawal = (1 - handling.inside)[:, None] * heading * 1.25 * max(camera.height, camera.width)
    return spot - withdrawal, np.arctan2(heading[:, 1], heading[:, 0])

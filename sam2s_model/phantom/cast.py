"""Who plays: draws the backdrop and the actors of one video."""

from __future__ import annotations

import numpy as np

from sam2s_model.phantom.backdrop import Backdrop
from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.config import PhantomConfig
from sam2s_model.phantom.instrument_actor import Handling, draw_size, instrument_actor, new_instrument
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.objects import bump_actor, creature_actor, organ_actor, shape_actor
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.textures import draw_collage
from sam2s_model.phantom.tissue import TissueLook, draw_tissue, random_look


def draw_stage(rng: np.random.Generator, config: PhantomConfig) -> tuple[Backdrop, TissueLook | None]:
    """A backdrop, and the look of its tissue if it is tissue."""
    if rng.random() >= config.tissue:
        return draw_collage(rng, config.height, config.width, config.photos), None
    look = random_look(rng)
    return draw_tissue(rng, look, config.height, config.width), look


def draw_actors(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, look: TissueLook | None
) -> tuple[Actor, ...]:
    """Draw all actors, hindmost first: organs and bumps lie on the tissue, the rest is above in random order."""
    wanted = int(rng.integers(config.objects[0], config.objects[1] + 1))
    extras = int(rng.integers(0, config.distractors + 1))
    shutter = float(rng.choice([0.0, rng.uniform(0.0, 0.03)]))
    resting: list[Actor] = []
    moving: list[Actor] = []
    while wanted + extras > 0:
        prompted = wanted > 0
        handling = _draw_handling(rng, config, shutter, prompted)
        if rng.random() < config.instruments:
            pair = prompted and wanted + extras > 1 and rng.random() < config.lookalikes
            instruments = _instruments(rng, config, camera, handling, 2 if pair else 1, wanted)
            moving += instruments
            wanted -= sum(actor.prompted for actor in instruments)
            extras -= sum(not actor.prompted for actor in instruments)
            continue
        actor, rests = _thing(rng, config, camera, handling, look)
        (resting if rests else moving).append(actor)
        wanted, extras = (wanted - 1, extras) if prompted else (wanted, extras - 1)
    return (*resting, *(moving[i] for i in rng.permutation(len(moving))))


def _draw_handling(rng: np.random.Generator, config: PhantomConfig, shutter: float, prompted: bool) -> Handling:
    activity = config.motion * float(rng.choice([0.3, 1.0, 1.6], p=[0.3, 0.5, 0.2]))
    return Handling(activity, bool(rng.random() < config.absence), bool(rng.random() < config.late), shutter, prompted)


def _instruments(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, handling: Handling, count: int, wanted: int
) -> list[Actor]:
    """One instrument, or several that look exactly alike; those beyond `wanted` stay without a label."""
    name = str(rng.choice(config.classes))
    diameter = draw_size(rng, camera.side)
    sprites = new_instrument(rng, name, diameter)
    actors = []
    for index in range(count):
        own = handling if index == 0 else _draw_handling(rng, config, handling.shutter, index < wanted)
        station = _draw_station(rng, camera)
        parts_share = config.instrument_parts if count == 1 else 0.0
        actors.append(instrument_actor(rng, name, sprites, diameter, camera, own, parts_share, station))
    return actors


def _thing(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, handling: Handling, look: TissueLook | None
) -> tuple[Actor, bool]:
    """Something that is no instrument, and whether it lies on the tissue."""
    station = _draw_station(rng, camera)
    if look is not None and rng.random() >= config.foreign:
        if rng.random() < 0.3:
            return organ_actor(rng, camera, handling, station), True
        bump_look = look if rng.random() < 0.6 else random_look(rng)
        return bump_actor(rng, camera, handling, station, bump_look), True
    if rng.random() < 0.55:
        return shape_actor(rng, camera, handling, station, config.photos), False
    return creature_actor(rng, camera, handling, station, config.photos), False


def _draw_station(rng: np.random.Generator, camera: CameraPath) -> Array:
    """A world point well inside the image."""
    reach = np.array([camera.width, camera.height]) / camera.side * 0.34
    return rng.uniform(-1, 1, 2) * reach

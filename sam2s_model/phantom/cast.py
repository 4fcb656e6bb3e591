"""Who plays: draws the backdrop and the actors of one video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sam2s_model.phantom.backdrop import Backdrop, colour_at
from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.config import PhantomConfig
from sam2s_model.phantom.instrument_actor import Handling, draw_size, instrument_actor, new_instrument
from sam2s_model.phantom.motion import presence, stand_in
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.objects import (
    SHARPNESS,
    bump_actor,
    creature_actor,
    draw_extent,
    organ_actor,
    shape_actor,
    shape_sprite,
)
from sam2s_model.phantom.photo_objects import photo_actor, photo_sprite
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.textures import draw_collage
from sam2s_model.phantom.tissue import TissueLook, draw_tissue, random_look

_CHANGE_SECONDS = 1.5  # from one instrument's leaving to the next one's coming


def draw_stage(rng: np.random.Generator, config: PhantomConfig) -> tuple[Backdrop, TissueLook | None]:
    """A backdrop, and the look of its tissue if it is tissue."""
    if rng.random() >= config.tissue:
        return draw_collage(rng, config.height, config.width, config.photos), None
    look = random_look(rng)
    return draw_tissue(rng, look, config.height, config.width), look


def draw_actors(
    rng: np.random.Generator,
    config: PhantomConfig,
    camera: CameraPath,
    look: TissueLook | None,
    backdrop: Backdrop,
) -> tuple[Actor, ...]:
    """Draw all actors, hindmost first: organs and bumps lie on the tissue, the rest is above in random order."""
    wanted = int(rng.integers(config.objects[0], config.objects[1] + 1))
    extras = int(rng.integers(0, config.distractors + 1))
    shutter = float(rng.choice([0.0, rng.uniform(0.0, 0.03)]))
    resting: list[Actor] = []
    moving: list[Actor] = []
    while wanted + extras > 0:
        prompted = wanted > 0
        handling = _draw_handling(rng, config, camera.times, shutter, prompted)
        room = wanted + extras
        if rng.random() < config.instruments:
            if room > 1 and handling.inside.min() == 0 and rng.random() < config.replaced:
                company = _relief(rng, config, camera, handling, prompted=wanted > 1 and bool(rng.random() < 0.5))
            else:
                alike = _doubled(rng, config, camera.times, handling, wanted, room)
                company = _instruments(rng, config, camera, alike)
        elif look is not None and rng.random() >= config.foreign:
            resting.append(_tissue_part(rng, camera, handling, look))
            company = []
        else:
            alike = _doubled(rng, config, camera.times, handling, wanted, room)
            company = _foreign(rng, config, camera, alike, backdrop)
        moving += company
        wanted -= max(1, sum(actor.prompted for actor in company)) if prompted else 0
        extras -= sum(not actor.prompted for actor in company) if prompted else max(1, len(company))
    return (*resting, *(moving[i] for i in rng.permutation(len(moving))))


def _draw_handling(
    rng: np.random.Generator, config: PhantomConfig, times: Array, shutter: float, prompted: bool
) -> Handling:
    activity = config.motion * float(rng.choice([0.3, 1.0, 1.6], p=[0.3, 0.5, 0.2]))
    absent, late, hard = (bool(rng.random() < chance) for chance in (config.absence, config.late, config.hard))
    inside = presence(rng, times, absent, late, config.stays, config.absences)
    return Handling(activity, inside, shutter, prompted, hard)


def _doubled(
    rng: np.random.Generator, config: PhantomConfig, times: Array, first: Handling, wanted: int, room: int
) -> list[Handling]:
    """How one thing is handled, or two to four that look the same: of those any may be prompted while it is wanted."""
    if not first.prompted or room < 2 or rng.random() >= config.lookalikes:
        return [first]
    others = min(room - 1, int(rng.integers(1, 4)))
    return [first, *(_draw_handling(rng, config, times, first.shutter, k + 1 < wanted) for k in range(others))]


def _instruments(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, handlings: list[Handling]
) -> list[Actor]:
    """An instrument for each handling, all exactly alike."""
    name = str(rng.choice(config.classes))
    diameter = draw_size(rng, camera.side, name)
    sprites = new_instrument(rng, name, diameter)
    parts_share = config.instrument_parts if len(handlings) == 1 else 0.0
    return [
        instrument_actor(rng, name, sprites, diameter, camera, handling, parts_share, _draw_station(rng, camera))
        for handling in handlings
    ]


def _relief(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, first: Handling, prompted: bool
) -> list[Actor]:
    """An instrument that leaves and returns, and another of its class that works in its place meanwhile."""
    name = str(rng.choice(config.classes))
    diameter, station = draw_size(rng, camera.side, name), _draw_station(rng, camera)
    sprites = new_instrument(rng, name, diameter)
    other = sprites if rng.random() < 0.5 else new_instrument(rng, name, diameter)
    second = replace(first, inside=stand_in(first.inside, camera.times, _CHANGE_SECONDS), prompted=prompted)
    return [
        instrument_actor(rng, name, sprites, diameter, camera, first, 0.0, station),
        instrument_actor(rng, name, other, diameter, camera, second, 0.0, station),
    ]


def _tissue_part(rng: np.random.Generator, camera: CameraPath, handling: Handling, look: TissueLook) -> Actor:
    """Something that belongs to the body and lies on the tissue."""
    station = _draw_station(rng, camera)
    if rng.random() < 0.3:
        return organ_actor(rng, camera, handling, station)
    return bump_actor(rng, camera, handling, station, look if rng.random() < 0.6 else random_look(rng))


def _foreign(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, handlings: list[Handling], backdrop: Backdrop
) -> list[Actor]:
    """Something that belongs to no body, for each handling, all exactly alike; creatures have no doubles."""
    stations = [_draw_station(rng, camera) for _ in handlings]
    ground = colour_at(backdrop, stations[0], camera.side) if rng.random() < config.hidden else None
    size = draw_extent(rng, camera.side, 0.13, 0.8)
    if config.photos and rng.random() < config.cutouts:
        sprite = photo_sprite(rng, SHARPNESS * size, ground)
        if sprite is not None:
            return [
                photo_actor(rng, sprite, size, camera, handling, station)
                for handling, station in zip(handlings, stations, strict=True)
            ]
    if rng.random() < 0.45:
        return [creature_actor(rng, camera, handlings[0], stations[0], config.photos)]
    name, shape = shape_sprite(rng, size, camera.side, config.photos, ground)
    return [
        shape_actor(rng, name, shape, size, camera, handling, station)
        for handling, station in zip(handlings, stations, strict=True)
    ]


def _draw_station(rng: np.random.Generator, camera: CameraPath) -> Array:
    """A world point well inside the image."""
    reach = np.array([camera.width, camera.height]) / camera.side * 0.34
    return rng.uniform(-1, 1, 2) * reach

"""Who plays: draws the actors of one video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sam2s_model.phantom.backdrop import Backdrop, colour_at
from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.config import PhantomConfig
from sam2s_model.phantom.contact import draw_pushes
from sam2s_model.phantom.instrument_actor import Handling, draw_size, instrument_actor, new_instrument
from sam2s_model.phantom.motion import presence, stand_in
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.objects import (
    SHARPNESS,
    creature_actor,
    draw_extent,
    shape_actor,
    shape_sprite,
    tissue_actor,
)
from sam2s_model.phantom.photo_objects import photo_actor, photo_sprite
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.stage import Stage
from sam2s_model.phantom.tissue import random_look

# From one instrument's leaving to the next one's coming, and at most this share of the video.
_CHANGE_SECONDS, _CHANGE_SHARE = 1.5, 0.05


def draw_actors(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, stage: Stage, shutter: float
) -> tuple[tuple[Actor, ...], CameraPath]:
    """Draw all actors, hindmost first, and the camera that sees how their tools drag the tissue.

    Parts of the body lie on the tissue, the rest is above in random order.
    """
    wanted = int(rng.integers(config.objects[0], config.objects[1] + 1))
    extras = int(rng.integers(0, config.distractors + 1))
    moving: list[Actor] = []
    resting: list[Handling] = []
    while wanted + extras > 0:
        prompted, room = wanted > 0, wanted + extras
        handling = _draw_handling(rng, config, camera.times, shutter, prompted)
        company: list[Actor] = []
        if rng.random() < config.instruments:
            company = _crew(rng, config, camera, stage, handling, wanted, room)
        elif stage.look is not None and rng.random() >= config.foreign:
            resting.append(handling)
        else:
            alike = _doubled(rng, config, camera.times, handling, wanted, room)
            company = _foreign(rng, config, camera, alike, stage.backdrop)
        moving += company
        wanted -= max(1, sum(actor.prompted for actor in company)) if prompted else 0
        extras -= sum(not actor.prompted for actor in company) if prompted else max(1, len(company))
    for _ in range(rng.integers(config.workers[0], config.workers[1] + 1)):
        handling = _draw_handling(rng, config, camera.times, shutter, prompted=False)
        moving += _instruments(rng, config, camera, stage, [handling])
    camera = replace(camera, pushes=draw_pushes(rng, camera, moving, config.pushed if stage.look is not None else 0.0))
    lying = [_tissue_part(rng, camera, handling, stage) for handling in resting]
    return (*lying, *(moving[i] for i in rng.permutation(len(moving)))), camera


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


def _crew(
    rng: np.random.Generator,
    config: PhantomConfig,
    camera: CameraPath,
    stage: Stage,
    handling: Handling,
    wanted: int,
    room: int,
) -> list[Actor]:
    """An instrument, alone or with one that comes in its place or others that look the same."""
    if room > 1 and handling.inside.min() == 0 and rng.random() < config.replaced:
        return _relief(rng, camera, stage, handling, prompted=wanted > 1 and bool(rng.random() < 0.5))
    alike = _doubled(rng, config, camera.times, handling, wanted, room)
    return _instruments(rng, config, camera, stage, alike)


def _instruments(
    rng: np.random.Generator, config: PhantomConfig, camera: CameraPath, stage: Stage, handlings: list[Handling]
) -> list[Actor]:
    """An instrument for each handling, all exactly alike."""
    name = str(rng.choice(stage.instruments))
    diameter = draw_size(rng, camera.side, name)
    sprites = new_instrument(rng, name, diameter)
    parts_share = config.instrument_parts if len(handlings) == 1 else 0.0
    return [
        instrument_actor(rng, name, sprites, diameter, camera, handling, parts_share, _draw_station(rng, camera))
        for handling in handlings
    ]


def _relief(rng: np.random.Generator, camera: CameraPath, stage: Stage, first: Handling, prompted: bool) -> list[Actor]:
    """An instrument that leaves and returns, and another of its class that works in its place meanwhile."""
    name = str(rng.choice(stage.instruments))
    diameter, station = draw_size(rng, camera.side, name), _draw_station(rng, camera)
    sprites = new_instrument(rng, name, diameter)
    other = sprites if rng.random() < 0.5 else new_instrument(rng, name, diameter)
    pause = min(_CHANGE_SECONDS, _CHANGE_SHARE * float(camera.times[-1]))
    second = replace(first, inside=stand_in(first.inside, camera.times, pause), prompted=prompted)
    return [
        instrument_actor(rng, name, sprites, diameter, camera, first, 0.0, station),
        instrument_actor(rng, name, other, diameter, camera, second, 0.0, station),
    ]


def _tissue_part(rng: np.random.Generator, camera: CameraPath, handling: Handling, stage: Stage) -> Actor:
    """Something that belongs to the body and lies on the tissue; polyps more often than any other kind."""
    name = 'polyp' if 'polyp' in stage.tissues and rng.random() < 0.4 else str(rng.choice(stage.tissues))
    around = stage.look if stage.look is not None and rng.random() < 0.7 else random_look(rng)
    return tissue_actor(rng, name, camera, handling, _draw_station(rng, camera), around)


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

"""Make a phantom video: frames with exact masks, names and visibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2s_model.masklet import Masklet
from sam2s_model.phantom.backdrop import Backdrop, view
from sam2s_model.phantom.camera import CameraPath, Optics, draw_camera, draw_optics
from sam2s_model.phantom.cast import draw_actors
from sam2s_model.phantom.config import PRESETS, PhantomConfig, preset
from sam2s_model.phantom.disturbances import Disturbances, interlaced, plan_disturbances, record, stale_blocks, veil
from sam2s_model.phantom.interruptions import Interruptions, interrupt, plan_interruptions
from sam2s_model.phantom.scene import Actor, compose, smeared
from sam2s_model.phantom.stage import draw_stage

_BASE_FPS = 25.0
# Seeds from here on are for evaluation and demonstration: never trained on.
TRAINING_SEEDS = 1_000_000
_ATTEMPTS = 20
# An object with fewer pixels on its best frame, as a share of the image, cannot be pointed at.
_SMALLEST = 0.0008

__all__ = ['PRESETS', 'PhantomConfig', 'PhantomVideo', 'generate', 'masklets', 'preset', 'training_clip']


@dataclass(frozen=True)
class PhantomVideo:
    """A video with its exact ground truth.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        labels: (T, H, W) uint8, 0 background, k where object k is the front-most thing.
        names: Class name of each of the N objects; `names[k - 1]` belongs to label k.
        visible: (N, T) bool, whether at least one pixel shows the object.
        is_instrument: For each object whether it is a surgical instrument or a part of one.
        fps: Frames a second.
        seed: What `generate` was given.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    visible: NDArray[np.bool_]
    is_instrument: tuple[bool, ...]
    fps: float
    seed: int


def generate(config: PhantomConfig, seed: int) -> PhantomVideo:
    """Make the video of a seed: the same seed and settings give the same video in every process.

    Objects that never become visible are left out; there is always at least one, and one is visible on frame 0.
    """
    rng = np.random.default_rng(seed)
    for _ in range(_ATTEMPTS):
        video = _shoot(rng, config, seed)
        if video.names and video.visible[:, 0].any():
            return video
    raise RuntimeError(f'seed {seed} gave no visible object in {_ATTEMPTS} attempts; try another seed or more objects')


def training_clip(
    rng: np.random.Generator,
    side: int,
    frames: int,
    strides: Sequence[int] = (1, 2, 4, 8, 16, 25),
    kind: str = 'training',
    **changes: Any,
) -> PhantomVideo:
    """A square clip to learn from; neighbouring frames are 1/25 s to 1 s apart.

    Args:
        side: Height and width in pixels.
        frames: Number of frames.
        strides: Frame gaps to choose from, in 1/25 s; one is drawn for the whole clip.
        kind: Name of a preset.
        changes: Fields of the preset to change.
    """
    fps = _BASE_FPS / float(rng.choice(np.asarray(strides)))
    # Short clips would hardly show an absence, so they get more of them.
    settings = preset(kind, height=side, width=side, frames=frames, fps=fps, **{'absence': 0.3, **changes})
    return generate(settings, int(rng.integers(TRAINING_SEEDS)))


def masklets(video: PhantomVideo) -> tuple[Masklet, ...]:
    """The masks of each object through the video; object ids are '1', '2', … as in the label image."""
    return tuple(
        Masklet(str(k), name, video.labels == k, video.visible[k - 1]) for k, name in enumerate(video.names, start=1)
    )


def _shoot(rng: np.random.Generator, config: PhantomConfig, seed: int) -> PhantomVideo:
    times, size = np.arange(config.frames) / config.fps, (config.height, config.width)
    stage = draw_stage(rng, config, times)
    shutter = float(rng.choice([0.0, rng.uniform(0.0, 0.03)]))
    liveliness = config.motion * (2.0 if rng.random() < config.hard else 1.0)
    alive = stage.look is not None
    camera = draw_camera(rng, times, *size, liveliness, alive, config.zooming, shutter)
    optics = draw_optics(rng, *size, stage.border, stage.falloff, stage.warmth)
    actors, camera = draw_actors(rng, config, camera, stage, shutter)
    plan = plan_disturbances(rng, times, *size, config.rates, config.disturbance)
    breaks = plan_interruptions(rng, times, *size, config.rates, config.disturbance)
    frames, labels = _film(rng, stage.backdrop, actors, camera, optics, plan, breaks)
    return _keep_visible(frames, labels, [actor for actor in actors if actor.prompted], config.fps, seed)


def _film(
    rng: np.random.Generator,
    backdrop: Backdrop,
    actors: Sequence[Actor],
    camera: CameraPath,
    optics: Optics,
    plan: Disturbances,
    breaks: Interruptions,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render all frames (T, H, W, 3) and label images (T, H, W)."""
    count = len(camera.times)
    frames = np.empty((count, camera.height, camera.width, 3), np.uint8)
    labels = np.zeros((count, camera.height, camera.width), np.uint8)
    shift = rng.normal(0, 0.03 * camera.side, 2)
    # Labels count the prompted actors from 1 on; the others cover what is behind them with 0.
    numbers = np.cumsum([actor.prompted for actor in actors])
    for t in range(count):
        image = smeared(view(backdrop, camera, t), *camera.smear[t])
        for actor, number in zip(actors, numbers, strict=True):
            label = int(number) if actor.prompted else 0
            compose(image, labels[t], actor, label, t, (float(shift[0]), float(shift[1])))
        veil(image, plan, t, float(camera.times[t]))
        image *= optics.light
        labels[t][~optics.open] = 0
        interrupt(image, labels[t], breaks, t)
        frames[t] = record(rng, image, plan, t)
        if plan.blocks > 0 and t > 0:
            frames[t] = stale_blocks(frames[t], frames[t - 1], plan.blocks)
    if plan.interlace:
        for t in range(count - 1, 0, -1):  # backwards, since each takes rows from the one before it as it was
            frames[t] = interlaced(frames[t], frames[t - 1])
    return frames, labels


def _keep_visible(
    frames: NDArray[np.uint8], labels: NDArray[np.uint8], actors: Sequence[Actor], fps: float, seed: int
) -> PhantomVideo:
    """Leave out objects that never show and number the others 1 to N."""
    smallest = _SMALLEST * labels[0].size
    areas = np.stack([np.bincount(image.ravel(), minlength=256) for image in labels], axis=1)  # (256, T)
    kept = [k for k in range(1, len(actors) + 1) if areas[k].max() >= smallest]
    renumber = np.zeros(256, np.uint8)
    renumber[kept] = np.arange(1, len(kept) + 1)
    chosen = [actors[k - 1] for k in kept]
    return PhantomVideo(
        frames=frames,
        labels=renumber[labels],
        names=tuple(actor.name for actor in chosen),
        visible=areas[kept] > 0,
        is_instrument=tuple(actor.is_instrument for actor in chosen),
        fps=fps,
        seed=seed,
    )

"""Training clips: some frames of a video with the masks of what is to be prompted, the same for the same number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from sam2s_model.frame_memory import Role
from sam2s_model.training.augmentation import Augmentation, augment
from sam2s_model.training.divemem_sampling import ClipSampling, FramePick, pick_consecutive, pick_divemem, pick_entering
from sam2s_model.training.sources import Sources
from sam2s_model.training.videos import Video, squashed_frame, squashed_masks

SMALLEST = 24  # pixels that an object must show on the first frame to be prompted
LEAD = 24  # frames that are drawn in addition, so that something may come into sight
ATTEMPTS = 200  # videos to look at before it is clear that they show nothing


@dataclass(frozen=True)
class Clip:
    """One clip of T frames and N objects, in the order in which it is trained.

    Attributes:
        frames: (T, S, S, 3) uint8 RGB.
        masks: (N, T, S, S) bool; every object is visible on the first frame.
        seed: What prompts are drawn with.
        roles: As what each frame is remembered; the first one is prompted.
        positions: When each frame is tracked, in frames after the first.
        class_names: Class of each object, empty where it is not known.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    seed: int
    roles: tuple[Role, ...]
    positions: tuple[int, ...]
    class_names: tuple[str, ...]

    @property
    def is_divemem(self) -> bool:
        """Whether it has long-term frames."""
        return Role.LONG_TERM in self.roles


@dataclass(frozen=True)
class ClipRecipe:
    """How clips are made.

    Attributes:
        sources: Where videos come from.
        sides: Sides S in pixels, one drawn for each clip.
        frames: Fewest and most frames of a clip of consecutive frames.
        sampling: How frames are picked.
        augmentation: What is done to them.
    """

    sources: Sources
    sides: tuple[int, ...]
    frames: tuple[int, int]
    sampling: ClipSampling
    augmentation: Augmentation


class Clips(Dataset[Clip]):
    """An endless list of clips; the same index is the same clip for ever."""

    def __init__(self, recipe: ClipRecipe, seed: int) -> None:
        self._recipe, self._seed = recipe, seed

    def __getitem__(self, index: int) -> Clip:
        rng = np.random.default_rng((self._seed, index))
        for _ in range(ATTEMPTS):
            clip = self._draw(rng)
            if clip is not None:
                return clip
        raise ValueError(f'expected objects of {SMALLEST} pixels or more to prompt, came none in {ATTEMPTS} videos')

    def _draw(self, rng: np.random.Generator) -> Clip | None:
        recipe, sampling = self._recipe, self._recipe.sampling
        side = int(rng.choice(recipe.sides))
        count = int(rng.integers(recipe.frames[0], recipe.frames[1] + 1))
        source = recipe.sources.draw(rng)
        single = _happens(rng, sampling.images)
        count = 1 if single else count
        divemem = not single and _happens(rng, sampling.divemem)
        entering = not (single or divemem) and _happens(rng, sampling.entering)
        video = source.draw(rng, side, count + LEAD * entering, whole=divemem)
        pick = self._pick_entering(rng, video, side, count) if entering else None
        pick = pick or self._pick(rng, video, side, count, divemem)
        clip = None if pick is None else self._cut(rng, video, pick, side)
        if clip is None or single or divemem or not _happens(rng, sampling.elsewhere):
            return clip
        return self._end_elsewhere(rng, clip, side)

    def _pick_entering(self, rng: np.random.Generator, video: Video, side: int, count: int) -> FramePick | None:
        masks = (squashed_masks(video.masks(index), side) for index in range(len(video)))
        return pick_entering(rng, [set(_promptable(shown).tolist()) for shown in masks], count)

    def _pick(self, rng: np.random.Generator, video: Video, side: int, count: int, divemem: bool) -> FramePick | None:
        def shows(index: int) -> bool:
            return len(_promptable(squashed_masks(video.masks(index), side))) > 0

        pick = pick_divemem(rng, len(video), shows, self._recipe.sampling) if divemem else None
        return pick or pick_consecutive(rng, len(video), shows, count)

    def _cut(self, rng: np.random.Generator, video: Video, pick: FramePick, side: int) -> Clip | None:
        frames = np.stack([squashed_frame(video.frame(index), side) for index in pick.frames])
        masks = np.stack([squashed_masks(video.masks(index), side) for index in pick.frames], axis=1)
        frames, masks = augment(rng, self._recipe.augmentation, frames, masks)
        shown = _promptable(masks[:, 0])
        if not len(shown):
            return None
        if len(shown) > self._recipe.sampling.objects:
            shown = np.sort(rng.choice(shown, self._recipe.sampling.objects, replace=False))
        names = tuple(video.class_names[k] for k in shown)
        return Clip(frames, masks[shown], int(rng.integers(2**31)), pick.roles, pick.positions, names)

    def _end_elsewhere(self, rng: np.random.Generator, clip: Clip, side: int) -> Clip:
        """A clip whose last third is of another video."""
        count = len(clip.frames) // 3
        if not count:
            return clip
        video = self._recipe.sources.draw(rng).draw(rng, side, count, whole=False)
        shown = range(min(count, len(video)))
        others = np.stack([squashed_frame(video.frame(index), side) for index in shown])
        others, _ = augment(rng, self._recipe.augmentation, others, np.zeros((0, *others.shape[:3]), np.bool_))
        frames, masks = clip.frames.copy(), clip.masks.copy()
        frames[-len(others) :], masks[:, -len(others) :] = others, False
        return replace(clip, frames=frames, masks=masks)


def stream(clips: Clips, indices: Sequence[int], workers: int) -> Iterator[Clip]:
    """The clips of these numbers, in order, made by worker processes ahead of time."""
    loader = DataLoader(
        clips,
        batch_size=None,
        sampler=indices,
        num_workers=workers,
        prefetch_factor=8 if workers else None,
        collate_fn=_as_it_is,
        generator=torch.Generator(),  # it would draw from the global one, and dropouts differ after a resumption
    )
    yield from loader


def _happens(rng: np.random.Generator, chance: float) -> bool:
    """What is never asked for costs no random number."""
    return chance > 0 and rng.random() < chance


def _promptable(masks: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which of the masks (N, S, S) are large enough to be pointed at."""
    return np.flatnonzero(np.count_nonzero(masks, axis=(1, 2)) >= SMALLEST)


def _as_it_is(clip: Any) -> Any:
    """Keep the loader from turning arrays into tensors."""
    return clip

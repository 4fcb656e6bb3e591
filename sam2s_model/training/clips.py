"""Training clips: short videos with the masks of what is to be prompted, made on the fly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from sam2s_model.phantom import training_clip

STRIDES = (1, 2, 4, 8)  # 1/25 s between neighbouring frames; further apart, most objects share no pixel
SMALLEST = 24  # pixels that an object must show on the first frame to be prompted


class Clip(NamedTuple):
    """One clip.

    Attributes:
        frames: (T, S, S, 3) uint8 RGB.
        masks: (N, T, S, S) bool; every object is visible on the first frame.
        seed: What it was made from, and what prompts are drawn with.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    seed: int


class PhantomClips(Dataset[Clip]):
    """An endless list of clips; the same index is the same clip for ever."""

    def __init__(self, seed: int, count: int, sides: tuple[int, ...], frames: tuple[int, int]) -> None:
        self._seed, self._count, self._sides, self._frames = seed, count, sides, frames

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Clip:
        rng = np.random.default_rng((self._seed, index))
        while True:
            side, frames = int(rng.choice(self._sides)), int(rng.integers(self._frames[0], self._frames[1] + 1))
            video = training_clip(rng, side, frames, STRIDES)
            shown = [k for k in range(1, len(video.names) + 1) if np.count_nonzero(video.labels[0] == k) >= SMALLEST]
            if shown:
                return Clip(video.frames, np.stack([video.labels == k for k in shown]), int(rng.integers(2**31)))


def stream(clips: PhantomClips, start: int, workers: int) -> Iterator[Clip]:
    """Clips from `start` on, in order, made by worker processes ahead of time."""
    loader = DataLoader(
        clips,
        batch_size=None,
        sampler=range(start, len(clips)),
        num_workers=workers,
        prefetch_factor=8 if workers else None,
        collate_fn=_as_it_is,
    )
    yield from loader


def _as_it_is(clip: Any) -> Any:
    """Keep the loader from turning arrays into tensors."""
    return clip

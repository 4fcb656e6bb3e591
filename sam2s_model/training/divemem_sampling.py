"""Which frames of a video make one training clip: consecutive ones (SAM 2), or DiveMem's (SAM2S section 3).

DiveMem sampling shows the network what it meets in a long surgery: the prompted frame and long-term memories lie
anywhere in the video, the short-term memories right before the present frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sam2s_model.frame_memory import Role

Shows = Callable[[int], bool]  # whether frame i shows something that can be prompted


@dataclass(frozen=True)
class ClipSampling:
    """How clips are drawn.

    Attributes:
        images: Share of clips of a single frame, which teach what a prompt means at a tenth of a video's cost.
        entering: Share of the clips of consecutive frames that begin when something comes into sight: little of it can
            be seen and prompted.
        elsewhere: Share of the clips of consecutive frames whose last third is of another video: none of the objects is
            there.
        divemem: Share of the other clips drawn as DiveMem wants them (SAM2S: 0.5, "1:1"); the rest are consecutive
            frames.
        long_term: Long-term frames of a DiveMem clip (SAM2S: 2).
        consecutive: Short-term frames of a DiveMem clip (SAM2S: 5).
        objects: Most objects of a clip (SAM 2: 3).
    """

    images: float = 0.0
    entering: float = 0.0
    elsewhere: float = 0.0
    divemem: float = 0.0
    long_term: int = 2
    consecutive: int = 5
    objects: int = 255

    def __post_init__(self) -> None:
        for name in ('images', 'entering', 'elsewhere', 'divemem'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'{name}: expected a share in [0, 1], came {getattr(self, name)}')
        for name in ('long_term', 'consecutive', 'objects'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name}: expected at least 1, came {getattr(self, name)}')

    @property
    def divemem_frames(self) -> int:
        """Frames of a DiveMem clip: condition, long-term, short-term."""
        return 1 + self.long_term + self.consecutive


class FramePick(NamedTuple):
    """The frames of one clip, in the order in which they are trained.

    Attributes:
        frames: Their numbers in the video. The first one is prompted.
        roles: As what each of them is remembered.
        positions: When each of them is tracked, in frames after the first; what distances of pointers are made from.
    """

    frames: tuple[int, ...]
    roles: tuple[Role, ...]
    positions: tuple[int, ...]


def pick_consecutive(rng: np.random.Generator, length: int, shows: Shows, count: int) -> FramePick | None:
    """`count` consecutive frames, fewer if the video is shorter; None if none begins with something to prompt."""
    count = min(count, length)
    start = _first_that_shows(rng, np.arange(length - count + 1), shows)
    return None if start is None else _consecutive(start, count)


def pick_entering(rng: np.random.Generator, shown: Sequence[Set[int]], count: int) -> FramePick | None:
    """`count` consecutive frames, the first of which shows something that the one before it does not.

    Args:
        rng: Decides which.
        shown: Numbers of the objects that can be prompted, for each frame of the video.
        count: Frames of the clip.
    """
    starts = [t for t in range(1, len(shown) - count + 1) if shown[t] - shown[t - 1]]
    return _consecutive(int(rng.choice(starts)), count) if starts else None


def _consecutive(start: int, count: int) -> FramePick:
    roles = (Role.CONDITIONING, *[Role.SHORT_TERM] * (count - 1))
    return FramePick(tuple(range(start, start + count)), roles, tuple(range(count)))


def pick_divemem(rng: np.random.Generator, length: int, shows: Shows, sampling: ClipSampling) -> FramePick | None:
    """One conditioning frame and long-term frames from the whole video, then consecutive ones (SAM2S Fig. 2).

    Nothing is said about the order of the three parts in time, and long-term frames may lack the object. None if the
    video is too short or nothing outside the consecutive frames can be prompted.
    """
    if length < sampling.divemem_frames:
        return None
    start = int(rng.integers(length - sampling.consecutive + 1))
    block = range(start, start + sampling.consecutive)
    others = np.array([index for index in range(length) if index not in block])
    condition = _first_that_shows(rng, others, shows)
    if condition is None:
        return None
    long = rng.choice(others[others != condition], sampling.long_term, replace=False)
    gap = abs(start - condition)
    return FramePick(
        frames=(condition, *map(int, long), *block),
        roles=(
            Role.CONDITIONING,
            *[Role.LONG_TERM] * sampling.long_term,
            *[Role.SHORT_TERM] * sampling.consecutive,
        ),
        positions=(0, *(abs(int(i) - condition) for i in long), *range(gap, gap + sampling.consecutive)),
    )


def _first_that_shows(rng: np.random.Generator, candidates: np.ndarray, shows: Shows) -> int | None:
    """One of the candidates at random among those that show something; the fewest looks possible."""
    shuffled = rng.permutation(candidates) if len(candidates) > 1 else candidates
    return next((int(index) for index in shuffled if shows(int(index))), None)

"""Where training videos come from: the phantom, or folders on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sam2s_model.phantom import PRESETS, preset, training_clip
from sam2s_model.training.stored_video import StoredVideos
from sam2s_model.training.videos import Video, VideoInMemory

STRIDES = (1, 2, 4, 8)  # 1/25 s between neighbouring frames; further apart, most objects share no pixel


@dataclass(frozen=True)
class SourceSettings:
    """One source of videos.

    Attributes:
        path: Folder with videos or images and their masks, of any kind that `sam2s_model.data` reads; empty for the
            phantom.
        share: How often it is drawn from, in relation to the shares of the others (SAM2S: images 1, videos 4).
        preset: What kind of phantom video, one of `sam2s_model.phantom.PRESETS`.
        instruments: Share of instruments among its prompted objects; nothing leaves the preset's own.
        late, absence: How often an object is away at first, and later; nothing leaves the preset's own and 0.3.
        side: Side of a phantom video in pixels, from which clips of another side are resized, as images of a small
            camera are; nothing draws it as large as the clip.
        length: Frames of a phantom video from which a DiveMem clip is drawn.
        strides: Gaps between neighbouring frames of a phantom video in 1/25 s, one drawn for each.
    """

    path: str = ''
    share: float = 1.0
    preset: str = 'training'
    instruments: float | None = None
    late: float | None = None
    absence: float | None = None
    side: int | None = None
    length: int = 64
    strides: tuple[int, ...] = STRIDES

    def __post_init__(self) -> None:
        if self.share <= 0:
            raise ValueError(f'share: expected a positive number, came {self.share}')
        if self.preset not in PRESETS:
            raise ValueError(f'preset: expected one of {sorted(PRESETS)}, came {self.preset!r}')
        if self.instruments is not None and not 0 <= self.instruments <= 1:
            raise ValueError(f'instruments: expected a share in [0, 1], came {self.instruments}')
        for name in ('late', 'absence'):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f'{name}: expected a share in [0, 1], came {share}')
        if self.side is not None:
            preset(self.preset, height=self.side, width=self.side)  # refuses what is too small
        if not self.strides or min(self.strides) < 1:
            raise ValueError(f'strides: expected gaps of at least 1, came {self.strides}')


class Videos(Protocol):
    """Something that videos can be drawn from."""

    def draw(self, rng: np.random.Generator, side: int, frames: int, whole: bool) -> Video:
        """A video for a clip.

        Args:
            rng: Decides which.
            side: Side S of the clip in pixels.
            frames: Consecutive frames that are wanted.
            whole: A long video is wanted instead, for frames from all over it.
        """
        ...


@dataclass(frozen=True)
class PhantomVideos:
    """Phantom videos, made when they are drawn; long ones have `length` frames."""

    settings: SourceSettings

    def draw(self, rng: np.random.Generator, side: int, frames: int, whole: bool) -> Video:
        """A new video of the size that is wanted."""
        settings = self.settings
        wanted = {'instruments': settings.instruments, 'late': settings.late, 'absence': settings.absence}
        changes = {name: share for name, share in wanted.items() if share is not None}
        video = training_clip(
            rng,
            settings.side or side,
            settings.length if whole else frames,
            settings.strides,
            settings.preset,
            **changes,
        )
        return VideoInMemory(video.frames, video.labels, video.names)


@dataclass(frozen=True)
class Sources:
    """Several sources and their shares, which add up to 1."""

    sources: tuple[Videos, ...]
    shares: tuple[float, ...]

    def draw(self, rng: np.random.Generator) -> Videos:
        """One source; a single one costs no random number."""
        if len(self.sources) == 1:
            return self.sources[0]
        return self.sources[int(rng.choice(len(self.sources), p=self.shares))]


def open_sources(settings: Mapping[str, SourceSettings]) -> Sources:
    """Open all sources of a run; without any, the phantom is the only one."""
    chosen = list(settings.values()) or [SourceSettings()]
    total = sum(source.share for source in chosen)
    return Sources(tuple(_open(source) for source in chosen), tuple(source.share / total for source in chosen))


def _open(settings: SourceSettings) -> Videos:
    return StoredVideos(Path(settings.path)) if settings.path else PhantomVideos(settings)

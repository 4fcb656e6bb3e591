"""Videos on disk as training needs them: annotated frames alone, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from sam2s_model.data import LabelledFrame, LabelledVideo, UnreadableData, VideoSource, find_videos
from sam2s_model.training.videos import Images, Masks, Video

OPEN_VIDEOS = 64  # kept open in each process: lists of files and run lengths, no pixels
PROBED = 64  # frames among which the first two annotated ones are looked for


class StoredVideo:
    """A labelled video, of which every so many frames are annotated."""

    def __init__(self, video: LabelledVideo) -> None:
        if not isinstance(video.frames, Sequence):
            raise UnreadableData(
                f'{video.name}: expected frames that can be read in any order, came a film or a recording; '
                'write its frames as JPEG files into a folder of its name'
            )
        self._frames: Sequence[LabelledFrame] = video.frames
        self._ids = tuple(video.objects)
        self.class_names = tuple(video.objects.values())
        self._annotated = _annotated(video.name, self._frames)

    def __len__(self) -> int:
        return len(self._annotated)

    def frame(self, index: int) -> Images:
        """(H, W, 3) uint8 RGB."""
        return self._frames[self._annotated[index]].rgb

    def masks(self, index: int) -> Masks:
        """(N, H, W) bool."""
        frame = self._frames[self._annotated[index]]
        return np.stack([frame.truth(object_id) for object_id in self._ids])


class StoredVideos:
    """The videos at a path, all equally likely."""

    def __init__(self, path: Path) -> None:
        self._sources = find_videos(path)

    def draw(self, rng: np.random.Generator, side: int, frames: int, whole: bool) -> Video:
        """One of the videos, in its own size and length."""
        return _open(self._sources[int(rng.integers(len(self._sources)))])


@lru_cache(maxsize=OPEN_VIDEOS)
def _open(source: VideoSource) -> StoredVideo:
    return StoredVideo(source.open())


def _annotated(name: str, frames: Sequence[LabelledFrame]) -> range:
    """Numbers of the annotated frames, told by the first two: data sets annotate at equal distances."""
    probed = (index for index in range(min(len(frames), PROBED)) if frames[index].masks is not None)
    found = list(islice(probed, 2))
    if not found:
        raise UnreadableData(f'{name}: expected an annotated frame among the first {PROBED}, came none')
    return range(found[0], len(frames), found[1] - found[0] if len(found) == 2 else len(frames))

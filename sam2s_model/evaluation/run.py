"""Evaluate many videos, one after the other or in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

from sam2s_model.data import VideoSource
from sam2s_model.evaluation.evaluate import Observation, TrackedVideo, evaluate
from sam2s_model.evaluation.pictures import Album, Photographer
from sam2s_model.evaluation.protocol import PromptKind, VideoTracker
from sam2s_model.evaluation.tracker_choice import TrackerChoice


@dataclass(frozen=True)
class Job:
    """What to do with each video.

    Attributes:
        tracker: What is measured.
        prompt: How objects are prompted.
        frames: Frames of each video, None for all.
        pictures: Whether to take pictures.
    """

    tracker: TrackerChoice
    prompt: PromptKind
    frames: int | None = None
    pictures: bool = False


@dataclass(frozen=True)
class VideoRecord:
    """A video that has been evaluated; no album where no pictures were taken."""

    source: VideoSource
    video: TrackedVideo
    album: Album | None


def run(
    sources: Sequence[VideoSource], job: Job, workers: int = 1, on_frame: Callable[[str, int, int], None] | None = None
) -> Iterator[VideoRecord]:
    """Evaluate the videos in order.

    Args:
        sources: The videos; each is opened where it is evaluated.
        job: What to do with each.
        workers: Processes. Each builds its own tracker.
        on_frame: Called with a video's name, the number of frames done and their total; with one worker only.

    Raises:
        UnreadableData: A video cannot be read.
    """
    if workers <= 1:
        yield from (evaluate_source(job, source, on_frame) for source in sources)
        return
    context = multiprocessing.get_context('spawn')  # torch's threads do not survive a fork
    with ProcessPoolExecutor(min(workers, len(sources)), mp_context=context) as pool:
        yield from pool.map(partial(evaluate_source, job), sources)


def evaluate_source(
    job: Job, source: VideoSource, on_frame: Callable[[str, int, int], None] | None = None
) -> VideoRecord:
    """Open and evaluate one video. Raises UnreadableData."""
    video = source.open()
    total = min(len(video.frames), job.frames or len(video.frames))
    photographer = Photographer(total, video.objects) if job.pictures else None

    def watch(seen: Observation) -> None:
        if photographer:
            photographer.look(seen)
        if on_frame:
            on_frame(source.name, seen.index + 1, total)

    tracked = evaluate(_built(job.tracker), video, job.prompt, job.frames, watch)
    return VideoRecord(source, tracked, photographer.album() if photographer else None)


@cache
def _built(choice: TrackerChoice) -> VideoTracker:
    """One tracker for each process."""
    return choice.build()

"""Benchmark sets by name: phantom videos of fixed seeds, made when they are needed and never stored."""

from __future__ import annotations

from functools import partial

from sam2s_model.data import LabelledVideo, VideoSource
from sam2s_model.data.clip import Clip
from sam2s_model.phantom import BENCHMARK_SETS, BenchmarkClip, benchmark_clips

# What is prompted must be seen: the same share of the image that the phantom asks of an object's best frame, 52 of
# 256×256 pixels.
LEAST_SHARE = 0.0008

BENCHMARKS = tuple(BENCHMARK_SETS)


def benchmark_sources(name: str) -> list[VideoSource]:
    """The videos of one of `BENCHMARKS`."""
    return [VideoSource(clip.name, name, partial(shoot, clip)) for clip in benchmark_clips(name)]


def shoot(clip: BenchmarkClip) -> LabelledVideo:
    """Make the phantom video of a benchmark; it is held as 8-bit images."""
    video = clip.video()
    return Clip(
        name=clip.name,
        fps=video.fps,
        frames=list(video.frames),
        labels=list(video.labels),
        objects=dict(enumerate(video.names, start=1)),
        instruments=tuple(k for k, instrument in enumerate(video.is_instrument, start=1) if instrument),
        least_area=max(1, round(LEAST_SHARE * clip.config.height * clip.config.width)),
    ).video()

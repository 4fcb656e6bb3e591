"""Benchmark sets by name: phantom videos of fixed seeds, made when they are needed and never stored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sam2s_model.data import LabelledVideo, VideoSource
from sam2s_model.data.clip import Clip
from sam2s_model.phantom import PhantomConfig, generate, preset

# What is prompted must be seen: the same share of the image that the phantom asks of an object's best frame, 52 of
# 256×256 pixels.
LEAST_SHARE = 0.0008

FIRST_SEED = 2_000_000  # seeds above 1,000,000 are never trained on
_SHORT = preset('surgery', height=256, width=256, frames=100)
# Number of videos and what they show.
SETS: dict[str, tuple[int, PhantomConfig]] = {
    'phantom-short': (40, _SHORT),
    'phantom-long': (8, replace(_SHORT, frames=2000, lookalikes=1.0)),
    'phantom-tissue': (20, replace(_SHORT, instruments=0.0)),
    'phantom-noise': (20, replace(_SHORT, disturbance=1.0)),
}
BENCHMARKS = tuple(SETS)


def benchmark_sources(name: str) -> list[VideoSource]:
    """The videos of one of `BENCHMARKS`."""
    count, config = SETS[name]
    return [
        VideoSource(f'{name}-{n:02d}', name, partial(shoot, f'{name}-{n:02d}', config, FIRST_SEED + n))
        for n in range(count)
    ]


def shoot(name: str, config: PhantomConfig, seed: int) -> LabelledVideo:
    """Make the phantom video of a seed; it is held as 8-bit images."""
    video = generate(config, seed)
    return Clip(
        name=name,
        fps=video.fps,
        frames=list(video.frames),
        labels=list(video.labels),
        objects=dict(enumerate(video.names, start=1)),
        instruments=tuple(k for k, instrument in enumerate(video.is_instrument, start=1) if instrument),
        least_area=max(1, round(LEAST_SHARE * config.height * config.width)),
    ).video()

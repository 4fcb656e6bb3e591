"""Benchmark sets: phantom videos of fixed seeds, none of which is ever trained on.

They need no pictures of other packages, so that everyone makes the same videos.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sam2s_model.phantom.config import PhantomConfig, preset
from sam2s_model.phantom.disturbance_rates import HEAVY
from sam2s_model.phantom.video import TRAINING_SEEDS, PhantomVideo, generate


@dataclass(frozen=True)
class BenchmarkClip:
    """One video of a set: the same `config` and `seed` give the same frames and masks everywhere."""

    name: str
    config: PhantomConfig
    seed: int

    def video(self) -> PhantomVideo:
        """Make it; a video of 2,000 frames at 256 pixels takes half a gigabyte."""
        return generate(self.config, self.seed)


@dataclass(frozen=True)
class BenchmarkSet:
    """`count` videos of one kind, with seeds from `first_seed` on."""

    count: int
    first_seed: int
    config: PhantomConfig


BENCHMARK_SETS = {
    # Everything that surgery shows, instruments and tissue, with absences of seconds.
    'phantom-short': BenchmarkSet(
        40, TRAINING_SEEDS + 10_000, preset('short', height=256, width=256),
    ),
    # Absences of more than 200 frames, and look-alikes that come meanwhile.
    'phantom-long': BenchmarkSet(8, TRAINING_SEEDS + 20_000, preset('long', height=256, width=256)),
    # Tissue with vague borders, dragged by tools and hidden behind them.
    'phantom-tissue': BenchmarkSet(
        20, TRAINING_SEEDS + 30_000,
        preset('short', height=256, width=256, instruments=0.0, foreign=0.0, distractors=1, workers=(1, 2), pushed=1.0),
    ),
    # Smoke, blood, blur, a wiped lens, lost pictures: what lies between object and screen.
    'phantom-noise': BenchmarkSet(
        20, TRAINING_SEEDS + 40_000, preset('short', height=256, width=256, disturbance=1.0, rates=HEAVY),
    ),
}  # fmt: skip


def benchmark_clips(name: str) -> Iterator[BenchmarkClip]:
    """The videos of one of `BENCHMARK_SETS`, not yet made: `NAME-00`, `NAME-01`, …

    Raises:
        ValueError: There is no such set.
    """
    if name not in BENCHMARK_SETS:
        raise ValueError(f'unknown benchmark set {name!r}; choose from {sorted(BENCHMARK_SETS)}')
    chosen = BENCHMARK_SETS[name]
    for n in range(chosen.count):
        yield BenchmarkClip(f'{name}-{n:02d}', chosen.config, chosen.first_seed + n)

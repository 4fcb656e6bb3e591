"""The benchmark sets: as large as promised, apart from training, the same everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sam2s_model.phantom import BENCHMARK_SETS, benchmark_clips, generate
from sam2s_model.phantom.__main__ import main
from sam2s_model.phantom.benchmark_sets import BenchmarkSet
from sam2s_model.phantom.tissue_kinds import KINDS
from sam2s_model.phantom.video import TRAINING_SEEDS


def test_the_sets_have_the_size_that_was_promised() -> None:
    short, long = BENCHMARK_SETS['phantom-short'], BENCHMARK_SETS['phantom-long']
    assert (short.count, short.config.frames) == (40, 100)
    assert (long.count, long.config.frames) == (8, 2000)
    assert {'phantom-tissue', 'phantom-noise'} <= set(BENCHMARK_SETS)


def test_no_seed_is_trained_on_or_used_twice() -> None:
    seeds = [clip.seed for name in BENCHMARK_SETS for clip in benchmark_clips(name)]
    assert min(seeds) > TRAINING_SEEDS and len(seeds) == len(set(seeds))


@pytest.mark.parametrize('name', sorted(BENCHMARK_SETS))
def test_no_set_needs_pictures_of_other_packages(name: str) -> None:
    assert not BENCHMARK_SETS[name].config.photos


def test_the_tissue_set_prompts_tissue_only() -> None:
    config = replace(BENCHMARK_SETS['phantom-tissue'].config, height=64, width=64, frames=2, foreign=0.0)
    names = {name for seed in range(12) for name in generate(config, seed).names}
    assert names <= set(KINDS) and len(names) >= 4


def test_in_the_long_set_instruments_are_away_for_more_than_200_frames() -> None:
    config = replace(BENCHMARK_SETS['phantom-long'].config, height=32, width=32, fps=2.5, frames=200)
    longest = 0
    for seed in range(3):
        for seen in generate(config, seed).visible:
            edges = np.flatnonzero(np.diff(np.concatenate([[1], seen, [1]]).astype(int)))
            inner = [gap for gap, end in zip(np.diff(edges)[::2], edges[1::2], strict=True) if end < 200]
            longest = max([longest, *inner])
    assert longest * 10 > 200  # at 25 frames a second


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(ValueError, match='unknown benchmark set'):
        next(benchmark_clips('phantom-tall'))


def test_the_command_writes_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(BENCHMARK_SETS['phantom-short'].config, height=48, width=64, frames=2)
    monkeypatch.setitem(BENCHMARK_SETS, 'phantom-short', BenchmarkSet(2, 1_010_000, small))
    assert main(['--set', 'phantom-short', '--out', str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['phantom-short-00', 'phantom-short-01']

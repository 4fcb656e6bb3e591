"""Benchmark sets: fixed videos that nobody trained on."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sam2s_model.evaluation.benchmark_videos import BENCHMARKS, benchmark_sources, shoot
from sam2s_model.phantom import BENCHMARK_SETS, benchmark_clips


@pytest.mark.parametrize('name', BENCHMARKS)
def test_a_set_has_its_videos_and_they_can_be_sent_to_other_processes(name: str) -> None:
    sources = benchmark_sources(name)
    assert len({source.name for source in sources}) == len(sources) == BENCHMARK_SETS[name].count
    assert pickle.loads(pickle.dumps(sources[0])).name == sources[0].name


def test_a_video_is_the_same_each_time_and_knows_its_instruments() -> None:
    clip = next(benchmark_clips('phantom-short'))
    clip = replace(clip, config=replace(clip.config, frames=2))
    first, second = (shoot(clip) for _ in range(2))
    for one, other in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        assert (one.masks or {}).keys() == (other.masks or {}).keys()
    assert first.instruments <= first.objects.keys()
    assert first.least_area > 1

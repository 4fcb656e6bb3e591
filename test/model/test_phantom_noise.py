from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.phantom.noise import NoiseKind, noise_field, smoothstep


@pytest.mark.parametrize('kind', ['smooth', 'fold', 'cloud', 'rough', 'ridge', 'cells', 'grain'])
def test_a_field_has_the_size_asked_for_and_lies_between_zero_and_one(kind: NoiseKind) -> None:
    field = noise_field(np.random.default_rng(0), kind, 40, 60, 100.0)
    assert field.shape == (40, 60) and field.dtype == np.float32
    assert 0 <= field.min() < field.max() <= 1


def test_a_longer_period_gives_a_calmer_field() -> None:
    def roughness(period: float) -> float:
        return float(np.abs(np.diff(noise_field(np.random.default_rng(0), 'cloud', 80, 80, period))).mean())

    assert roughness(1000.0) < roughness(100.0)


def test_smoothstep_rises_from_zero_to_one() -> None:
    assert smoothstep(1.0, 3.0, np.array([0.0, 1.0, 2.0, 3.0, 9.0])).tolist() == [0, 0, 0.5, 1, 1]

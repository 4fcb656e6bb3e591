from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam2s_model.phantom.bleeding import cover_with_blood, draw_bleeding
from sam2s_model.phantom.disturbance_rates import USUAL, DisturbanceRates
from sam2s_model.phantom.disturbances import interlaced, plan_disturbances, record, stale_blocks, veil
from sam2s_model.phantom.interruptions import interrupt, plan_interruptions

TIMES = np.arange(5) / 5.0
CLEAN = plan_disturbances(np.random.default_rng(0), TIMES, 48, 64, USUAL, 0.0)
CHECKER = (
    np.kron(np.indices((6, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None].repeat(3, axis=2).astype(np.float32) * 200
)


def contrast(image: np.ndarray) -> float:
    return float(image.std())


def test_without_strength_only_the_tone_changes() -> None:
    image = CHECKER.copy()
    veil(image, CLEAN, 0, 0.0)
    assert np.array_equal(image, CHECKER)
    assert len(np.unique(record(np.random.default_rng(0), image, CLEAN, 0)[..., 0])) == 2


def test_smoke_and_fog_take_contrast_away() -> None:
    for plan in (replace(CLEAN, smoke=np.full(5, 0.7)), replace(CLEAN, fog=np.full(5, 0.4))):
        image = CHECKER.copy()
        veil(image, plan, 2, 0.4)
        assert contrast(image) < 0.9 * contrast(CHECKER)


def test_glare_brightens_where_it_is() -> None:
    image = CHECKER.copy()
    veil(image, replace(CLEAN, glare=np.ones(5), glare_at=np.array([0.25, 0.5])), 0, 0.0)
    assert (image - CHECKER)[24, 16, 0] > 150 > (image - CHECKER)[24, 60, 0]


def test_smoke_drifts() -> None:
    plan = replace(CLEAN, smoke=np.full(5, 0.7), smoke_drift=np.array([20.0, 0.0]))
    first, second = CHECKER.copy(), CHECKER.copy()
    veil(first, plan, 0, 0.0)
    veil(second, plan, 1, 1.0)
    assert not np.allclose(first, second)


def test_defocus_noise_and_compression_leave_their_marks() -> None:
    rng = np.random.default_rng(0)
    clean = record(rng, CHECKER, CLEAN, 0).astype(float)
    assert contrast(record(rng, CHECKER, replace(CLEAN, defocus=np.full(5, 3.0)), 0)) < contrast(clean)
    for plan in (replace(CLEAN, noise=5.0), replace(CLEAN, jpeg=30)):
        spoiled = record(rng, CHECKER, plan, 0)
        assert spoiled.dtype == np.uint8 and 0.3 < np.abs(spoiled - clean).mean() < 20


def test_interlacing_takes_odd_rows_from_the_frame_before() -> None:
    now, before = np.full((4, 3, 3), 9, np.uint8), np.zeros((4, 3, 3), np.uint8)
    assert interlaced(now, before)[:, 0, 0].tolist() == [9, 0, 9, 0]


def test_stale_blocks_stay_until_they_change() -> None:
    before, now = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    now[:16, :16], now[16:, 16:] = 2, 200
    held = stale_blocks(now, before, 5.0)
    assert (held[:16, :16] == 0).all() and (held[16:, 16:] == 200).all()


@pytest.mark.parametrize('kind', ['blank', 'outside'])
def test_nothing_is_labelled_while_there_is_no_picture(kind: str) -> None:
    rates = DisturbanceRates(**{'blank': 0.0, 'outside': 0.0, 'cleaning': 0.0, kind: 1.0})
    times = np.arange(50) / 25.0
    plan = plan_interruptions(np.random.default_rng(3), times, 48, 64, rates, 1.0)
    hidden = []
    for t in range(50):
        image, labels = CHECKER.copy(), np.ones((48, 64), np.uint8)
        interrupt(image, labels, plan, t)
        assert labels.any() == np.array_equal(image, CHECKER)
        hidden.append(not labels.any())
    assert not hidden[0] and 2 < sum(hidden) < 25


def test_a_gauze_hides_what_it_covers_and_leaves_a_clear_lens() -> None:
    rates = DisturbanceRates(blank=0.0, outside=0.0, cleaning=1.0)
    plan = plan_interruptions(np.random.default_rng(0), np.arange(50) / 25.0, 48, 64, rates, 1.0)
    areas = []
    for t in range(50):
        image, labels = CHECKER.copy(), np.ones((48, 64), np.uint8)
        interrupt(image, labels, plan, t)
        areas.append(int(labels.sum()))
    assert areas[0] == areas[-1] == 48 * 64 and min(areas) < 0.7 * 48 * 64
    assert plan.wet[0] == plan.wet[-1] == 0 and plan.wet.max() > 0.5


def test_blood_spreads() -> None:
    pool = draw_bleeding(np.random.default_rng(1), TIMES, 48, 64, 48)
    covered = []
    for level in pool.level:
        image = CHECKER.copy()
        cover_with_blood(image, pool.reach, float(level))
        covered.append((np.abs(image - CHECKER).max(axis=2) > 20).sum())
    assert covered[-1] > covered[0] and sorted(covered) == covered


def test_a_rate_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match='smoke: expected a share'):
        DisturbanceRates(smoke=1.5)

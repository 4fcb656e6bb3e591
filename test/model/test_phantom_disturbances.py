from __future__ import annotations

from dataclasses import replace

import numpy as np

from sam2s_model.phantom.disturbances import interlaced, plan_disturbances, record, veil

TIMES = np.arange(5) / 5.0
CLEAN = plan_disturbances(np.random.default_rng(0), TIMES, 48, 64, 0.0)
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

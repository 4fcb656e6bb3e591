from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.phantom.motion import oscillation, presence, stand_in, velocity, wander

TIMES = np.arange(200) / 25.0


def test_a_walk_stays_near_its_way_points_and_has_no_jumps() -> None:
    path = wander(np.random.default_rng(0), TIMES, 1.0, 0.3, 2)
    assert path.shape == (200, 2)
    assert np.abs(path).max() < 0.5
    assert np.abs(np.diff(path, axis=0)).max() < 0.1


def test_a_still_thing_has_no_reach() -> None:
    assert not wander(np.random.default_rng(0), TIMES, 1.0, 0.0, 2).any()


def test_an_oscillation_keeps_its_bounds() -> None:
    values = oscillation(np.random.default_rng(0), TIMES, 0.2, 0.7, 0.5)
    assert values.min() >= 0.2 and values.max() <= 0.7 and np.ptp(values) > 0.3


@pytest.mark.parametrize('seed', range(5))
def test_an_absent_object_is_there_goes_and_comes_back(seed: int) -> None:
    inside = presence(np.random.default_rng(seed), TIMES * 2, absent=True, late=False)
    gone = np.flatnonzero(inside == 0)
    assert inside[0] == 1 and len(gone) and (inside[gone[0] :] == 1).any()


def test_a_late_object_comes_once_and_stays() -> None:
    inside = presence(np.random.default_rng(0), TIMES, absent=False, late=True)
    assert inside[0] == 0 and inside[-1] == 1 and (np.diff(inside) >= 0).all()


def test_other_objects_are_always_there() -> None:
    assert (presence(np.random.default_rng(0), TIMES, absent=False, late=False) == 1).all()


@pytest.mark.parametrize('seed', range(5))
def test_absences_last_as_long_as_they_are_asked_to(seed: int) -> None:
    inside = presence(np.random.default_rng(seed), np.arange(2000) / 25, True, False, (10.0, 22.0), (9.0, 18.0))
    edges = np.flatnonzero(np.diff((inside == 0).astype(int)))
    assert len(edges) >= 2 and edges[1] - edges[0] > 220


def test_a_stand_in_is_there_only_while_the_other_is_away() -> None:
    inside = presence(np.random.default_rng(1), np.arange(2000) / 25, True, False, (10.0, 22.0), (9.0, 18.0))
    other = stand_in(inside, np.arange(2000) / 25, 1.5)
    assert other.max() == 1 and not ((other > 0) & (inside > 0)).any()


def test_velocity_is_a_second_not_a_frame() -> None:
    path = np.stack([3.0 * TIMES, 0 * TIMES], axis=1)
    assert velocity(path, TIMES) == pytest.approx(np.tile([3.0, 0.0], (200, 1)))
    assert not velocity(path[:1], TIMES[:1]).any()

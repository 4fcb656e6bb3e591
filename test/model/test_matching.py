"""Matching read-out against a plain restatement."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.matching import (
    REACH,
    TEMPERATURE,
    learn_basis,
    matching_keys,
    pool_memory,
    read_everywhere,
    read_nearby,
)

SIDE = 16


def random_keys(*shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, 8), dim=-1)


def plain_probability(query: Tensor, keys: Tensor, masks: Tensor, reach: int | None) -> Tensor:
    """Cell by cell: weights exp(cos / τ) of remembered cells, normalised, times their mask values."""
    probability = torch.zeros(len(masks), len(query))
    for cell, key in enumerate(query):
        weights = torch.exp(keys @ key / TEMPERATURE)  # (F, L)
        if reach is not None:
            y, x = divmod(cell, SIDE)
            ys, xs = torch.arange(len(query)) // SIDE, torch.arange(len(query)) % SIDE
            tile_y, tile_x = y // 8 * 8, x // 8 * 8
            near = (
                (ys >= tile_y - reach) & (ys < tile_y + 8 + reach) & (xs >= tile_x - reach) & (xs < tile_x + 8 + reach)
            )
            weights = weights * near
        probability[:, cell] = (weights * masks).sum((1, 2)) / weights.sum()
    return probability


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_reading_everywhere_is_the_normalised_sum_over_all_remembered_cells() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(2, SIDE**2), torch.rand(3, 2, SIDE**2)
    found = read_everywhere(query, keys, masks).probability
    torch.testing.assert_close(found, plain_probability(query, keys, masks, None), atol=1e-4, rtol=1e-3)


def test_reading_nearby_sees_the_window_of_the_tile_and_nothing_else() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(2, SIDE**2), torch.rand(3, 2, SIDE**2)
    found = read_nearby(query, keys, masks, SIDE).probability
    torch.testing.assert_close(found, plain_probability(query, keys, masks, REACH), atol=1e-4, rtol=1e-3)


def test_read_outs_of_two_memories_add_up_to_that_of_both() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(3, SIDE**2), torch.rand(2, 3, SIDE**2)
    apart = read_everywhere(query, keys[:1], masks[:, :1]) + read_everywhere(query, keys[1:], masks[:, 1:])
    torch.testing.assert_close(apart.probability, read_everywhere(query, keys, masks).probability)


def test_a_frame_finds_its_own_mask_again() -> None:
    keys = random_keys(SIDE**2)
    mask = (torch.rand(1, 1, SIDE**2) > 0.5).float()
    assert torch.equal(read_everywhere(keys, keys[None], mask).probability > 0.5, mask[0] > 0.5)


def test_evidence_is_high_for_known_cells_and_low_for_new_ones() -> None:
    keys = random_keys(SIDE**2)
    mask = torch.ones(1, 1, SIDE**2)
    known = read_everywhere(keys, keys[None], mask).evidence(SIDE**2)
    new = read_everywhere(-keys, keys[None], mask).evidence(SIDE**2)
    assert known.min() > new.max()


def test_keys_are_unit_vectors_at_the_finest_map() -> None:
    maps = torch.randn(1, 10, SIDE, SIDE), torch.randn(1, 12, SIDE // 2, SIDE // 2)
    keys = matching_keys(maps, learn_basis(maps, 6))
    assert keys.shape == (SIDE**2, 6)
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(SIDE**2))


def test_a_blank_first_frame_gives_finite_keys() -> None:
    maps = torch.zeros(1, 10, SIDE, SIDE), torch.zeros(1, 12, SIDE // 2, SIDE // 2)
    assert matching_keys(maps, learn_basis(maps, 6)).isfinite().all()


def test_pooled_memory_of_equal_cells_reads_as_the_cells_themselves() -> None:
    coarse = random_keys(2, SIDE // 2, SIDE // 2)
    values = torch.rand(3, 2, SIDE // 2, SIDE // 2)
    fine = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1, 2)
    fine_values = values.repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(2)
    query = random_keys(SIDE**2)
    pooled = read_everywhere(query, *pool_memory(fine, fine_values, SIDE)) * 4
    whole = read_everywhere(query, fine, fine_values)
    torch.testing.assert_close(pooled.votes, whole.votes, rtol=1e-4, atol=0)
    torch.testing.assert_close(pooled.weights, whole.weights, rtol=1e-4, atol=0)

"""Matching read-out against a plain restatement."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.matching import (
    LENGTHS,
    POOLED_CELLS,
    REACH,
    TEMPERATURE,
    Lookup,
    Windows,
    cut_windows,
    lookup,
    pool_memory,
    read_everywhere,
    read_nearby,
    read_nearby_sparsely,
    thin_out,
)

SIDE = 16


def random_keys(*shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, 8), dim=-1)


def whole(keys: Tensor, masks: Tensor) -> Lookup:
    """All cells of keys (F, L, K) and masks (N, F, L)."""
    return lookup(keys.flatten(0, 1), masks.flatten(1))


def windows(keys: Tensor, masks: Tensor, width: int) -> list[Windows]:
    """Frames of keys (F, L, K) and masks (N, F, L)."""
    return [cut_windows(*frame, width) for frame in zip(keys, masks.unbind(1), strict=True)]


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
    found = read_everywhere(query, whole(keys, masks)).probability
    torch.testing.assert_close(found, plain_probability(query, keys, masks, None), atol=1e-4, rtol=1e-3)


def test_reading_nearby_sees_the_window_of_the_tile_and_nothing_else() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(2, SIDE**2), torch.rand(3, 2, SIDE**2)
    found = read_nearby(query, windows(keys, masks, SIDE), SIDE).probability
    torch.testing.assert_close(found, plain_probability(query, keys, masks, REACH), atol=1e-4, rtol=1e-3)


def test_read_outs_of_two_memories_add_up_to_that_of_both() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(3, SIDE**2), torch.rand(2, 3, SIDE**2)
    first, second = whole(keys[:1], masks[:, :1]), whole(keys[1:], masks[:, 1:])
    both = read_everywhere(query, whole(keys, masks)).probability
    torch.testing.assert_close((read_everywhere(query, first) + read_everywhere(query, second)).probability, both)


def test_a_frame_finds_its_own_mask_again() -> None:
    keys = random_keys(SIDE**2)
    mask = (torch.rand(1, 1, SIDE**2) > 0.5).float()
    assert torch.equal(read_everywhere(keys, whole(keys[None], mask)).probability > 0.5, mask[0] > 0.5)


def test_evidence_is_high_for_known_cells_and_low_for_new_ones() -> None:
    keys = random_keys(SIDE**2)
    mask = torch.ones(1, 1, SIDE**2)
    known = read_everywhere(keys, whole(keys[None], mask)).evidence(SIDE**2)
    new = read_everywhere(-keys, whole(keys[None], mask)).evidence(SIDE**2)
    assert known.min() > new.max()


def test_pooled_memory_of_equal_cells_reads_as_the_cells_themselves() -> None:
    coarse = random_keys(2, SIDE // 2, SIDE // 2)
    values = torch.rand(3, 2, SIDE // 2, SIDE // 2)
    fine = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1, 2)
    fine_values = values.repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(2)
    query = random_keys(SIDE**2)
    keys, masks = pool_memory(fine, fine_values, SIDE)
    pooled = read_everywhere(query, lookup(keys.flatten(0, 1), masks.flatten(1), POOLED_CELLS))
    everything = read_everywhere(query, whole(fine, fine_values))
    torch.testing.assert_close(pooled.votes, everything.votes, rtol=1e-4, atol=0)
    torch.testing.assert_close(pooled.weights, everything.weights, rtol=1e-4, atol=0)


def smooth_keys(frames: int) -> Tensor:
    """Neighbouring cells look alike, as in images; those of `one_corner` look like nothing else."""
    coarse = torch.randn(frames, 8, SIDE // 4, SIDE // 4)
    fine = F.interpolate(coarse, (SIDE, SIDE), mode='bilinear')
    fine[:, 0] = -2.0
    fine[:, 0, : SIDE // 4, : SIDE // 4] = 2.0
    keys = fine.flatten(2).transpose(1, 2)
    return F.normalize(keys + 0.1 * torch.randn_like(keys), dim=-1)


def one_corner(objects: int, frames: int) -> Tensor:
    """Masks of objects that lie in the first quarter of the rows and columns."""
    masks = torch.zeros(objects, frames, SIDE, SIDE)
    masks[..., : SIDE // 4, : SIDE // 4] = torch.rand(objects, frames, SIDE // 4, SIDE // 4)
    return masks.flatten(2)


def count(remembered: Lookup) -> int:
    """Cells that count."""
    return int(remembered.values.any(1).sum())


def test_thin_memory_reads_nearly_as_all_of_it_and_has_fewer_cells() -> None:
    keys, masks = smooth_keys(3), one_corner(2, 2)
    thin, everything = thin_out(keys[1:], masks, SIDE), whole(keys[1:], masks)
    assert count(thin) < count(everything) / 2
    assert thin.keys.shape[1] % LENGTHS == 0
    found, expected = read_everywhere(keys[0], thin), read_everywhere(keys[0], everything)
    torch.testing.assert_close(found.votes, expected.votes)
    assert (found.probability - expected.probability).abs().mean() < 0.02


def test_background_that_looks_like_an_object_stays_as_it_is() -> None:
    keys, masks = smooth_keys(1), one_corner(1, 1)
    twin = keys.clone()
    twin[:, -40:] = keys[:, :1]
    cells = count(thin_out(twin, masks, SIDE))
    assert cells >= count(thin_out(keys, masks, SIDE)) + 30


def test_a_cell_counts_as_often_as_its_share_says() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(2, SIDE**2), torch.rand(1, 2, SIDE**2)
    once, thrice = (read_everywhere(query, thin_out(keys, masks, SIDE, share)) for share in (1.0, 3.0))
    torch.testing.assert_close(thrice.votes, 3 * once.votes)
    torch.testing.assert_close(thrice.weights, 3 * once.weights)


def test_reading_sparsely_is_the_same_where_objects_are_near_everywhere() -> None:
    query, keys, masks = random_keys(SIDE**2), random_keys(3, SIDE**2), torch.rand(2, 3, SIDE**2)
    found, expected = (read(query, windows(keys, masks, SIDE), SIDE) for read in (read_nearby_sparsely, read_nearby))
    torch.testing.assert_close(found.votes, expected.votes)
    torch.testing.assert_close(found.weights, expected.weights)


def test_reading_sparsely_counts_the_newest_frame_for_all_where_no_object_is_near() -> None:
    width = 4 * SIDE
    cells, masks = width * SIDE, torch.zeros(1, 3, SIDE, width)
    masks[..., :4] = 1.0
    query, keys = random_keys(cells), random_keys(3, cells)
    frames = windows(keys, masks.flatten(2), width)
    sparse, full = (read(query, frames, width) for read in (read_nearby_sparsely, read_nearby))
    newest = read_nearby(query, frames[-1:], width)
    near, far = slice(None, SIDE), slice(2 * SIDE, None)  # of the columns
    columns = [weights.view(SIDE, width) for weights in (sparse.weights, full.weights, newest.weights)]
    torch.testing.assert_close(columns[0][:, near], columns[1][:, near])
    torch.testing.assert_close(columns[0][:, far], 3 * columns[2][:, far])
    torch.testing.assert_close(sparse.votes, full.votes)

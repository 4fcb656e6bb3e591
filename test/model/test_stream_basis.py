"""Trunk maps, spread out by the statistics of their stream."""

from __future__ import annotations

import torch

from sam2s_model.stream_basis import learn_basis, matching_keys, spread_out

SIDE = 16


def maps(fill: float | None = None) -> tuple[torch.Tensor, ...]:
    shapes = ((1, 6, 2 * SIDE, 2 * SIDE), (1, 10, SIDE, SIDE), (1, 12, SIDE // 2, SIDE // 2))
    return tuple(torch.randn(shape) if fill is None else torch.full(shape, fill) for shape in shapes)


def test_keys_are_unit_vectors_at_the_second_map() -> None:
    seen = maps()
    basis = learn_basis(seen, 6)
    keys = matching_keys(spread_out(seen, basis), basis)
    assert keys.shape == (SIDE**2, 6)
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(SIDE**2))


def test_a_blank_first_frame_gives_finite_keys() -> None:
    blank = maps(fill=0.0)
    basis = learn_basis(blank, 6)
    assert matching_keys(spread_out(blank, basis), basis).isfinite().all()


def test_every_map_is_centred_and_every_cell_has_equal_say() -> None:
    seen = tuple(5 + 3 * m for m in maps())
    for features in spread_out(seen, learn_basis(seen, 6)):
        torch.testing.assert_close(features.norm(dim=1), torch.ones_like(features[:, 0]))
        assert features.mean((0, 2, 3)).abs().max() < 0.1

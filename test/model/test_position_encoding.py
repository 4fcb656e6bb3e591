from __future__ import annotations

import pytest
import torch

from sam2s_model.position_encoding import RandomFourier, rotary_table, rotate, sine_1d, sine_2d


def test_sine_map_alternates_sine_and_cosine_and_puts_the_row_first() -> None:
    codes = sine_2d(64, 4, 4)[0, :, 0, 1]
    expected = torch.tensor([1.0, 3.1e-7, 0.77285, 6.3e-7, -1.0])
    torch.testing.assert_close(codes[[0, 1, 2, 32, 33]], expected, atol=1e-5, rtol=0)


def test_sine_map_is_not_square_when_the_grid_is_not() -> None:
    assert sine_2d(64, 3, 5).shape == (1, 64, 3, 5)


def test_sine_map_is_computed_once() -> None:
    assert sine_2d(64, 3, 5) is sine_2d(64, 3, 5)


def test_a_table_from_inference_serves_training() -> None:
    sine_2d.cache_clear()
    with torch.inference_mode():
        sine_2d(8, 2, 2)
    assert not sine_2d(8, 2, 2).is_inference()


def test_sine_code_lists_all_sines_before_all_cosines() -> None:
    expected = torch.tensor([0.066617, 0.066617, 0.00066667, 0.00066667, 0.99778, 0.99778, 1, 1])
    torch.testing.assert_close(sine_1d(torch.tensor(1 / 15), 8), expected, atol=1e-5, rtol=0)


def test_sine_code_keeps_the_sign_of_a_distance() -> None:
    forth, back = sine_1d(torch.tensor([0.4, -0.4]), 8)
    torch.testing.assert_close(back, torch.cat((-forth[:4], forth[4:])))


def test_rotary_table_turns_first_with_the_column_then_with_the_row() -> None:
    cos, sin = rotary_table(256, (32, 32), (32, 32))
    pairs = torch.stack((cos, sin), dim=-1)[33, [0, 63, 64]]  # cell 33: second row, second column
    expected = torch.tensor([[0.5403, 0.8415], [1.0, 1.1548e-4], [0.5403, 0.8415]])
    torch.testing.assert_close(pairs, expected, atol=1e-4, rtol=0)


def test_rotary_table_of_a_wide_grid_counts_row_by_row() -> None:
    _, sin = rotary_table(8, (2, 5), (2, 5))
    columns, rows = torch.arange(10) % 5, torch.arange(10) // 5
    torch.testing.assert_close(sin[:, [0, 2]], torch.stack((columns.float().sin(), rows.float().sin()), dim=1))


def test_cells_of_a_pooled_grid_lie_at_the_centre_of_what_they_cover() -> None:
    cos, sin = rotary_table(4, (1, 2), (2, 4))
    angles = torch.atan2(sin, cos)
    torch.testing.assert_close(angles, torch.tensor([[0.5, 0.5], [2.5, 0.5]]))


def test_rotation_turns_neighbouring_channels() -> None:
    quarter = (torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(rotate(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), quarter), torch.tensor([[-2.0, 1, 3, 4]]))


@pytest.mark.parametrize('shift', [1, 7, 20])
def test_rotated_tokens_agree_by_their_distance_alone(shift: int) -> None:
    query, key = torch.randn(2, 64)
    queries = rotate(query.expand(32, -1), rotary_table(64, (1, 32), (1, 32)))
    keys = rotate(key.expand(32, -1), rotary_table(64, (1, 32), (1, 32)))
    similarities = (queries @ keys.T).diagonal(shift)
    torch.testing.assert_close(similarities, similarities[:1].expand_as(similarities), atol=1e-4, rtol=1e-4)


def test_rotation_keeps_the_type_of_its_tokens() -> None:
    tokens = torch.randn(3, 8, dtype=torch.bfloat16)
    assert rotate(tokens, rotary_table(8, (1, 3), (1, 3))).dtype == torch.bfloat16


def test_fourier_codes_of_a_grid_are_those_of_its_cell_centres() -> None:
    fourier = RandomFourier(16)
    centre = fourier(torch.tensor([3.5 / 5, 1.5 / 2]))
    torch.testing.assert_close(fourier.grid(2, 5)[0, :, 1, 3], centre)


def test_fourier_code_of_the_middle_is_zero_sine_and_one_cosine() -> None:
    code = RandomFourier(8)(torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(code, torch.tensor([0.0] * 4 + [1.0] * 4))

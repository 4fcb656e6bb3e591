from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sam2s_model.prompt_encoder import (
    BACKGROUND,
    BOX_BOTTOM_RIGHT,
    BOX_TOP_LEFT,
    FOREGROUND,
    NO_POINT,
    PromptEmbedding,
    PromptEncoder,
)

GRID = (4, 6)  # a 96 × 64 image


@pytest.fixture
def encoder() -> PromptEncoder:
    torch.manual_seed(0)
    return PromptEncoder(d_model=32)


def encode(encoder: PromptEncoder, points: list[list[float]], labels: list[int]) -> PromptEmbedding:
    embedding: PromptEmbedding = encoder(torch.tensor([points]).view(1, -1, 2), torch.tensor([labels]), None, GRID)
    return embedding


def no_point(encoder: PromptEncoder) -> Tensor:
    return encoder.not_a_point_embed.weight[0]


def kind(encoder: PromptEncoder, label: int) -> Tensor:
    weight: Tensor = encoder.state_dict()[f'point_embeddings.{label}.weight'][0]
    return weight


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    assert sum(weight.numel() for weight in PromptEncoder().state_dict().values()) == 6_476


@pytest.mark.parametrize(
    ('labels', 'tokens'),
    [
        ([NO_POINT], 2),
        ([FOREGROUND], 2),
        ([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT], 3),
        ([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, BACKGROUND], 4),
    ],
)
def test_one_token_more_than_points(encoder: PromptEncoder, labels: list[int], tokens: int) -> None:
    points = [[8.0 * i, 5.0] for i in range(len(labels))]
    assert encode(encoder, points, labels).sparse.shape == (1, tokens, 32)


def test_no_points_leave_the_one_token_for_none(encoder: PromptEncoder) -> None:
    sparse = encoder(torch.empty(2, 0, 2), torch.empty(2, 0, dtype=torch.int64), None, GRID).sparse
    torch.testing.assert_close(sparse, no_point(encoder).expand(2, 1, 32))


def test_last_token_stands_for_no_point(encoder: PromptEncoder) -> None:
    torch.testing.assert_close(encode(encoder, [[1.0, 2.0]], [FOREGROUND]).sparse[0, -1], no_point(encoder))


def test_an_ignored_point_forgets_where_it_lies(encoder: PromptEncoder) -> None:
    torch.testing.assert_close(encode(encoder, [[50.0, 60.0]], [NO_POINT]).sparse[0, 0], no_point(encoder))


@pytest.mark.parametrize('label', [BACKGROUND, FOREGROUND, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT])
def test_a_point_is_its_place_plus_its_kind(encoder: PromptEncoder, label: int) -> None:
    token = encode(encoder, [[23.5, 15.5]], [label]).sparse[0, 0]
    place = encoder.pe_layer(torch.tensor([24 / 96, 16 / 64]))  # a pixel's centre is half a pixel in
    torch.testing.assert_close(token, place + kind(encoder, label))


def test_without_a_mask_every_cell_says_so(encoder: PromptEncoder) -> None:
    dense = encode(encoder, [[1.0, 1.0]], [FOREGROUND]).dense
    torch.testing.assert_close(dense, encoder.no_mask_embed.weight[..., None, None].expand(1, 32, *GRID))


def test_a_mask_at_stride_4_becomes_a_map_at_stride_16(encoder: PromptEncoder) -> None:
    points, labels = torch.zeros(3, 1, 2), torch.full((3, 1), NO_POINT)
    assert encoder(points, labels, torch.randn(3, 1, 16, 24), GRID).dense.shape == (3, 32, *GRID)


def test_position_of_a_cell_is_that_of_a_point_at_its_centre(encoder: PromptEncoder) -> None:
    token = encode(encoder, [[3 * 16 + 7.5, 1 * 16 + 7.5]], [FOREGROUND]).sparse[0, 0]
    position = encoder.dense_position(*GRID)[0, :, 1, 3]
    torch.testing.assert_close(token - kind(encoder, FOREGROUND), position)

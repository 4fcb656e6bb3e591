"""Every part of the network computes what the reference implementation of SAM 2.1 computes from the same weights.

The reference is the PyPI package `sam2` (extra `reference`). Its weights are random, all of them drawn anew, so that no
zero, no tiny scale and no untouched embedding hides a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from parity_parts import assert_same
from torch import nn

from sam2s_model.hiera import Hiera
from sam2s_model.image_encoder import FpnNeck, ImageEncoder
from sam2s_model.mask_decoder import MaskDecoder, choose_mask
from sam2s_model.memory_attention import MemoryAttention
from sam2s_model.memory_encoder import MemoryEncoder
from sam2s_model.position_encoding import sine_1d, sine_2d
from sam2s_model.prompt_encoder import PromptEmbedding, PromptEncoder
from sam2s_model.sizes import HIERA_SIZES

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures('compared_parts')]

SIZES = ('tiny', 'small', 'base_plus', 'large')
Build = Callable[..., Any]

for_table = pytest.mark.parity_table


def with_weights_of(part: nn.Module, twin: nn.Module) -> Any:
    part.load_state_dict(twin.state_dict(), strict=True)
    return part.eval()


def objects(reference: Any) -> int:
    """Two, to see that they are kept apart; one where a map is large."""
    return 1 if reference.image_size > 512 else 2


def grid(reference: Any) -> tuple[int, int]:
    return reference.image_size // 16, reference.image_size // 16


@pytest.mark.parametrize(
    ('size', 'side'),
    [
        pytest.param(size, side, marks=() if (size, side) == ('tiny', 256) else for_table)
        for size in SIZES
        for side in (256, 512, 1024)
    ],
)
def test_image_encoder(build_reference: Build, size: str, side: int) -> None:
    theirs = build_reference(size, side).image_encoder
    trunk = Hiera(HIERA_SIZES[size])
    ours = with_weights_of(ImageEncoder(trunk, FpnNeck(HIERA_SIZES[size].channels)), theirs)
    images = torch.randn(1, 3, side, side)
    for our_map, their_map in zip(ours.trunk(images), theirs.trunk(images), strict=True):
        assert_same(our_map, their_map)
    for our_map, their_map in zip(ours(images), theirs(images)['backbone_fpn'], strict=True):
        assert_same(our_map, their_map)


def test_sine_map_of_image_features(reference: Any) -> None:
    h, w = grid(reference)
    theirs = reference.image_encoder.neck.position_encoding(torch.zeros(1, 256, h, w + 3))
    assert_same(sine_2d(256, h, w + 3), theirs)


def test_sine_map_of_memory(reference: Any) -> None:
    h, w = grid(reference)
    assert_same(sine_2d(64, h, w), reference.memory_encoder.position_encoding(torch.zeros(1, 64, h, w)))


def test_sine_code_of_pointers() -> None:
    theirs = pytest.importorskip('sam2.modeling.sam2_utils').get_1d_sine_pe
    distances = torch.arange(-4, 20) / 15
    assert_same(sine_1d(distances, 256), theirs(distances, dim=256))


def test_memory_encoder(reference: Any) -> None:
    ours = with_weights_of(MemoryEncoder(), reference.memory_encoder)
    count, side = objects(reference), reference.image_size
    features, mask = torch.randn(count, 256, *grid(reference)), torch.rand(count, 1, side, side) * 20 - 10
    theirs = reference.memory_encoder(features, mask, skip_mask_sigmoid=True)
    assert_same(ours(features, mask), theirs['vision_features'])


@pytest.mark.parametrize(('memories', 'pointers'), [(1, 0), (1, 1), (2, 3), (7, 16), (11, 16)])
def test_memory_attention(reference: Any, memories: int, pointers: int) -> None:
    ours = with_weights_of(MemoryAttention(), reference.memory_attention)
    count, (h, w) = objects(reference), grid(reference)
    features, position = torch.randn(count, 256, h, w), sine_2d(256, h, w)
    tokens = memories * h * w + 4 * pointers
    memory, memory_position = torch.randn(2, count, tokens, 64).unbind()
    theirs = reference.memory_attention(
        curr=features.flatten(2).permute(2, 0, 1),
        curr_pos=position.expand(count, -1, -1, -1).flatten(2).permute(2, 0, 1),
        memory=memory.transpose(0, 1),
        memory_pos=memory_position.transpose(0, 1),
        num_obj_ptr_tokens=4 * pointers,
    )
    expected = theirs.permute(1, 2, 0).reshape(count, 256, h, w)
    assert_same(ours(features, memory, memory_position, 4 * pointers), expected)


PROMPTS = {
    'no prompt': [-1],
    'one click': [1],
    'clicks': [1, 0, 1],
    'box': [2, 3],
    'box and click': [2, 3, 0],
    'padded clicks': [1, -1, 0, -1],
}


def encode(reference: Any, labels: list[int], masked: bool) -> tuple[PromptEmbedding, Any]:
    """The same random prompt, encoded by us and by the reference."""
    encoder, (h, w) = reference.sam_prompt_encoder, grid(reference)
    ours = with_weights_of(PromptEncoder(), encoder)
    points, kinds = torch.rand(2, len(labels), 2) * 16 * h, torch.tensor([labels, labels], dtype=torch.int32)
    logits = torch.randn(2, 1, 4 * h, 4 * w) * 10 if masked else None
    return ours(points, kinds, logits, (h, w)), encoder(points=(points, kinds), boxes=None, masks=logits)


@pytest.mark.parametrize('masked', [False, True], ids=['', 'with mask'])
@pytest.mark.parametrize('labels', PROMPTS.values(), ids=PROMPTS.keys())
def test_prompt_encoder(reference: Any, labels: list[int], masked: bool) -> None:
    ours, (sparse, dense) = encode(reference, labels, masked)
    assert_same(ours.sparse, sparse)
    assert_same(ours.dense, dense)


def test_position_of_image_cells(reference: Any) -> None:
    ours = with_weights_of(PromptEncoder(), reference.sam_prompt_encoder)
    assert_same(ours.dense_position(*grid(reference)), reference.sam_prompt_encoder.get_dense_pe())


@pytest.mark.parametrize('masked', [False, True], ids=['', 'with mask'])
@pytest.mark.parametrize('choice', ['single', 'multimask', 'fallback'])
def test_mask_decoder(reference: Any, choice: str, masked: bool) -> None:
    theirs, (h, w) = reference.sam_mask_decoder, grid(reference)
    ours = with_weights_of(MaskDecoder(), theirs)
    prompt, (sparse, dense) = encode(reference, [2, 3, 1], masked)
    position = reference.sam_prompt_encoder.get_dense_pe()
    features = torch.randn(2, 256, h, w)
    stride4, stride8 = torch.randn(1, 256, 4 * h, 4 * w), torch.randn(1, 256, 2 * h, 2 * w)
    high_res = ours.project_high_res(stride4, stride8)
    output = ours(features, position, prompt, high_res)
    chosen = choose_mask(output, multimask=choice == 'multimask', stability_fallback=choice == 'fallback')

    theirs.dynamic_multimask_via_stability = choice == 'fallback'
    theirs.dynamic_multimask_stability_delta, theirs.dynamic_multimask_stability_thresh = 0.05, 0.98
    masks, iou, tokens, object_score = theirs(
        image_embeddings=features,
        image_pe=position,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=choice == 'multimask',
        repeat_image=False,
        high_res_features=[theirs.conv_s0(stride4), theirs.conv_s1(stride8)],
    )
    best, rows = iou.argmax(dim=1), torch.arange(2)
    assert_same(chosen.mask_logits[:, 0], masks[rows, best])
    assert_same(chosen.iou, iou[rows, best])
    assert_same(chosen.token, tokens[rows, best])
    assert_same(output.object_score, object_score)

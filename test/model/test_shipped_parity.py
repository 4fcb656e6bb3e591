"""The shipped network is no SAM 2.1; those of its parts that are SAM 2's equal the reference with trained weights, too.

They are compared on what they got and gave while the phantom was tracked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from parity_parts import assert_same
from parity_videos import phantom
from small_sam2s import reference_decoder
from torch import nn

from sam2s_model import build_tracker
from sam2s_model.lite_neck import encode_deep
from sam2s_model.matching_sam2s import NO_POINTS
from sam2s_model.sizes import Widths

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures('compared_parts')]

RAN_ON = 'lite, shipped weights, phantom'
PARTS = ('mask_decoder',)


@pytest.fixture(scope='module')
def network_and_calls(tmp_path_factory: Any) -> Iterator[tuple[Any, dict[str, list[tuple[Any, Any]]]]]:
    """The shipped network, and inputs and output of each call of its parts on three frames."""
    pytest.importorskip('sam2')
    video = phantom(tmp_path_factory.mktemp('phantom'), 256)
    tracker = build_tracker(device='cpu')
    network = tracker._network
    calls: dict[str, list[tuple[Any, Any]]] = {part: [] for part in PARTS}
    for part in PARTS:
        getattr(network, part).register_forward_hook(lambda _, got, gave, part=part: calls[part].append((got, gave)))
    for t, frame in enumerate(video.frames[:3]):
        tracker.step(frame)
        if t == 0:
            tracker.prompt(frame, 'a', video.prompt('box', 'a', t))
            tracker.prompt(frame, 'b', video.prompt('click', 'b', t))
    yield network, calls


def test_neck_of_the_shipped_network(network_and_calls: Any) -> None:
    from sam2.modeling.backbones.image_encoder import FpnNeck
    from sam2.modeling.position_encoding import PositionEmbeddingSine

    network, _ = network_and_calls
    laterals = [lateral.conv for lateral in network.neck.convs]
    width = laterals[0].out_channels
    sine = PositionEmbeddingSine(width, normalize=True, scale=None, temperature=10000)
    channels = [lateral.in_channels for lateral in laterals]
    theirs = FpnNeck(sine, width, channels, fpn_top_down_levels=[2, 3], fpn_interp_model='nearest')
    theirs.load_state_dict(network.neck.state_dict())
    maps = [torch.randn(1, count, 64 >> level, 64 >> level) for level, count in enumerate(reversed(channels))]
    expected = theirs(maps)[0]
    for our_map, their_map in zip(network.neck(maps), expected, strict=False):
        assert_same(our_map, their_map)
    assert_same(encode_deep(maps[2:], network.neck), expected[2])


def test_mask_decoder_of_the_shipped_network(network_and_calls: Any) -> None:
    network, calls = network_and_calls
    theirs = reference_decoder(widths_of(network.mask_decoder))
    theirs.load_state_dict(network.mask_decoder.state_dict())
    for (features, position, prompt, high_res), ours in calls['mask_decoder']:
        masks, iou, tokens, score = theirs.predict_masks(
            image_embeddings=features.expand(len(prompt.sparse), -1, -1, -1),
            image_pe=position,
            sparse_prompt_embeddings=prompt.sparse,
            dense_prompt_embeddings=prompt.dense,
            repeat_image=False,
            high_res_features=[high_res.stride4, high_res.stride8],
        )
        assert_same(ours.mask_logits, masks[:, : ours.mask_logits.shape[1]])  # while tracking, the first mask alone
        assert_same(ours.iou, iou)
        assert_same(ours.mask_tokens, tokens)
        assert_same(torch.stack((ours.object_score, ours.iou[:, :1])), torch.stack((score, iou[:, :1])))


def test_positions_and_missing_clicks_of_the_shipped_network(network_and_calls: Any) -> None:
    from sam2.modeling.sam.prompt_encoder import PromptEncoder

    ours, side = network_and_calls[0], 256
    theirs = PromptEncoder(ours.no_point.embedding_dim, (side // 16, side // 16), (side, side), mask_in_chans=16)
    theirs.pe_layer.load_state_dict(ours.pe_layer.state_dict())
    theirs.not_a_point_embed.load_state_dict(ours.no_point.state_dict())
    no_click = theirs._embed_points(torch.zeros(1, 1, 2), torch.tensor([[-1]]), True)
    assert_same(ours.no_point.weight.expand(1, NO_POINTS, -1), no_click)
    assert_same(ours.pe_layer.grid(side // 16, side // 16), theirs.get_dense_pe())


def widths_of(decoder: nn.Module) -> Widths:
    transformer: Any = decoder.transformer
    block, head = transformer.layers[0], decoder.iou_prediction_head
    return Widths(
        d_model=block.norm1.normalized_shape[0],
        decoder_heads=block.self_attn.heads,
        decoder_ffn=block.mlp.layers[0].out_features,
        iou_hidden=head.layers[0].out_features,
    )

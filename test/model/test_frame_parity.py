"""One frame: from features and a prompt to a mask, an object pointer and a memory, as in the reference of SAM 2.1.

Each with the object in sight and without: what is remembered of an absent object has paths of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from parity_parts import assert_equal, assert_same
from parity_streams import blinded
from torch import Tensor
from torch.nn.functional import interpolate

from sam2s_model.checkpoint import load_weights
from sam2s_model.frame_memory import Recall
from sam2s_model.network import FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import Switches

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures('compared_parts')]

FLOAT_MEMORY = Switches(bfloat16_memory=False)
presence = pytest.mark.parametrize('absent', [False, True], ids=['present', 'absent'])


@pytest.fixture(scope='module')
def network(reference: Any) -> Sam2s:
    network = Sam2s(HIERA_SIZES['tiny'], reference.image_size, FLOAT_MEMORY)
    load_weights(network, reference.state_dict(), 'reference')
    return network.eval()


@pytest.fixture(scope='module')
def features(network: Sam2s) -> FrameFeatures:
    side = network.image_size
    with torch.inference_mode():
        return network.encode_image(torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(2)), None)


def high_res(features: FrameFeatures) -> list[Tensor]:
    return [features.high_res.stride4, features.high_res.stride8]


@presence
@pytest.mark.parametrize('clicks', [1, 3])
def test_object_pointer(reference: Any, network: Sam2s, features: FrameFeatures, clicks: int, absent: bool) -> None:
    points, labels = torch.rand(1, clicks, 2) * network.image_size, torch.ones(1, clicks, dtype=torch.int32)
    with blinded(network, absent), blinded(reference, absent):
        ours = network.track_frame(features, [Recall()], PromptBatch(points, labels))
        *_, iou, masks, _, pointer, score = reference._forward_sam_heads(
            backbone_features=features.stride16 + network.no_mem_embed.view(1, -1, 1, 1),
            point_inputs={'point_coords': points, 'point_labels': labels},
            high_res_features=high_res(features),
            multimask_output=clicks == 1,
        )
    assert ours.pointer is not None
    assert_same(ours.pointer, pointer)
    assert_equal(ours.mask_logits, masks)
    assert_equal(ours.iou, iou.amax(1))
    assert_equal(ours.object_score, score[:, 0])


@pytest.mark.parametrize('empty', [False, True], ids=['mask', 'empty mask'])
def test_mask_prompt(reference: Any, network: Sam2s, features: FrameFeatures, empty: bool) -> None:
    side = network.image_size
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 4 : side // 2, side // 3 : side // 2] = 0.0 if empty else 1.0
    ours = network.track_frame(features, [Recall()], PromptBatch(torch.zeros(1, 0, 2), torch.zeros(1, 0), mask))
    *_, masks, _, pointer, score = reference._use_mask_as_output(features.stride16, high_res(features), mask)
    assert ours.pointer is not None
    assert_same(ours.pointer, pointer)
    assert_equal(ours.mask_logits, masks)
    assert_equal(ours.object_score, score[:, 0])


@presence
@pytest.mark.parametrize('sharp', [False, True], ids=['soft', 'sharp'])
def test_memory_of_a_frame(reference: Any, network: Sam2s, features: FrameFeatures, sharp: bool, absent: bool) -> None:
    side = network.image_size
    score = torch.tensor([-3.0 if absent else 3.0])
    logits = torch.full((1, 1, side // 4, side // 4), -1024.0) if absent else torch.randn(1, 1, side // 4, side // 4)
    network.switches = replace(FLOAT_MEMORY, binarize_prompted=sharp)
    reference.binarize_mask_from_pts_for_mem_enc = sharp
    output = MaskOutput(logits, score, score, torch.zeros(1, 256), None)
    (ours,) = network.encode_memory(features, [Recall()], output, prompted=True)
    theirs, _ = reference._encode_new_memory(
        current_vision_feats=[features.stride16.flatten(2).permute(2, 0, 1)],
        feat_sizes=[(side // 16, side // 16)],
        pred_masks_high_res=interpolate(logits, (side, side), mode='bilinear', align_corners=False),
        object_score_logits=score[:, None],
        is_mask_from_pts=True,
    )
    assert_same(ours.features, theirs[0])

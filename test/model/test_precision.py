"""Half precision: the masks stay, the heads stay in float32, and the default changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from sam2s_model import Frame, MaskPrompt, Tracker, build_tracker
from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.network import PromptBatch
from sam2s_model.phantom import generate, preset
from sam2s_model.precision import computing_in, in_float32, narrow_weights
from sam2s_model.sam2s import Sam2s

SIDE = 256
FRAME_NS = 40_000_000
CPU = torch.device('cpu')
HALF = (torch.bfloat16, torch.float16)
LIKE = torch.zeros(1)


def product() -> torch.dtype:
    return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


@pytest.mark.parametrize('dtype', HALF, ids=str)
def test_products_are_computed_in_the_precision_asked_for(dtype: torch.dtype) -> None:
    with computing_in(dtype, LIKE):
        assert product() == dtype
        with in_float32(LIKE):
            assert product() == torch.float32


def test_float32_leaves_an_autocast_around_it_alone() -> None:
    with torch.autocast('cpu', torch.bfloat16), computing_in(torch.float32, LIKE):
        assert product() == torch.bfloat16


def test_norms_keep_their_weights_in_float32() -> None:
    part = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    narrow_weights([part], torch.bfloat16)
    assert [weight.dtype for weight in part.parameters()] == [torch.bfloat16] * 2 + [torch.float32] * 2


def track_phantom(tracker: Tracker, seed: int, count: int) -> dict[tuple[str, int], np.ndarray]:
    """The masks of two prompted objects on the frames of a phantom clip, by object and frame."""
    options = {'frames': count, 'height': SIDE, 'width': SIDE, 'objects': (2, 2), 'photos': False}
    video = generate(preset('training', **options), seed=seed)
    frames = [Frame(rgb, t * FRAME_NS) for t, rgb in enumerate(video.frames)]
    for number in range(1, len(video.names) + 1):
        mask = video.labels[0] == number
        if mask.sum() > 200:
            tracker.prompt(frames[0], str(number), MaskPrompt(mask))
    steps = (tracker.step(frame) for frame in frames[1:])
    return {(seen.object_id, result.frame_index): seen.mask for result in steps for seen in result.objects}


def agreement(masks: dict[tuple[str, int], np.ndarray], others: dict[tuple[str, int], np.ndarray]) -> float:
    """IoU of two sets of masks, over all their pixels."""
    assert masks.keys() == others.keys() and masks
    common = sum((masks[key] & others[key]).sum() for key in masks)
    return float(common / sum((masks[key] | others[key]).sum() for key in masks))


@pytest.mark.parametrize('seed', [3, 5, 8])
def test_masks_in_bfloat16_are_those_in_float32(seed: int) -> None:
    exact, half = (
        track_phantom(build_tracker(device='cpu', image_size=SIDE, precision=name), seed, count=10)
        for name in ('float32', 'bfloat16')
    )
    assert agreement(exact, half) >= 0.97


def test_masks_in_float16_are_those_in_float32() -> None:
    exact, half = (
        track_phantom(build_tracker(device='cpu', image_size=SIDE, precision=name), seed=3, count=3)
        for name in ('float32', 'float16')
    )
    assert agreement(exact, half) >= 0.995


@pytest.mark.parametrize('dtype', HALF, ids=str)
def test_sam2s_finds_nearly_the_same_logits_in_half_precision(nano: Callable[..., Sam2s], dtype: torch.dtype) -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    box = PromptBatch(torch.tensor([[[10.0, 12.0], [40.0, 50.0]]]), torch.tensor([[2, 3]]))
    planes = []
    for precision in (torch.float32, dtype):
        torch.manual_seed(0)  # what `nano` does not draw anew
        network = nano(64)
        network.compute_in(precision)
        with torch.inference_mode():
            features = network.encode_image(image, None)
            first = network.track_frame(features, [Recall()], box)
            (content,) = network.encode_memory(features, [Recall()], first, prompted=True)
            remembered = FrameMemory(0, 0, 1.0, True, features.embedding, content)
            second = network.track_frame(features, [Recall((Slot(Role.CONDITIONING, 1, remembered),))], None)
        assert second.proposals is not None
        planes.append(torch.cat((first.mask_logits.flatten(), second.proposals.mask_logits.flatten())))
    exact, half = planes
    assert (half - exact).norm() / exact.norm() < 0.02


def dtypes_in(network: nn.Module, names: list[str]) -> dict[str, set[torch.dtype]]:
    """Watch which number types the parts of these names take in, hand out and are made of, while tracking."""
    seen: dict[str, set[torch.dtype]] = {}
    for name in names:
        part = network.get_submodule(name)
        found = seen.setdefault(name, {weight.dtype for weight in part.parameters()})
        part.register_forward_hook(lambda _, taken, given, found=found: found.update({taken[0].dtype, given.dtype}))
    track_phantom(Tracker(network.eval(), CPU), seed=3, count=3)
    return seen


HEADS = ('iou_prediction_head', 'pred_obj_score_head')


@pytest.mark.parametrize('dtype', HALF, ids=str)
@pytest.mark.parametrize('size', ['lite', 'nano'])
def test_quality_and_presence_are_computed_in_float32(
    nano: Callable[..., Sam2s], size: str, dtype: torch.dtype
) -> None:
    network: MatchingSam2s | Sam2s = nano(64) if size == 'nano' else MatchingSam2s(image_size=64)
    network.compute_in(dtype)
    decoder = 'sam_mask_decoder' if size == 'nano' else 'mask_decoder'
    heads = [f'{decoder}.{head}.layers.{layer}' for head in HEADS for layer in range(3)]
    assert dtypes_in(network, heads) == {head: {torch.float32} for head in heads}


HALF_PARTS = {
    'nano': [
        'image_encoder.trunk.blocks.0.attn.qkv',
        'memory_attention.layers.0.cross_attn_image.k_proj',
        'sam_mask_decoder.transformer.layers.0.mlp.layers.0',
        'memory_encoder.pix_feat_proj',
    ],
    'lite': ['trunk.stem', 'refiner.enter'],
}


@pytest.mark.parametrize('size', ['lite', 'nano'])
def test_the_heavy_parts_compute_in_half_precision(nano: Callable[..., Sam2s], size: str) -> None:
    network: MatchingSam2s | Sam2s = nano(64) if size == 'nano' else MatchingSam2s(image_size=64)
    network.compute_in(torch.bfloat16)
    seen = dtypes_in(network, HALF_PARTS[size])
    assert all(torch.bfloat16 in found for found in seen.values())


def test_what_divemem_compares_stays_in_float32(nano: Callable[..., Sam2s]) -> None:
    network = nano(64)
    network.compute_in(torch.bfloat16)
    with torch.inference_mode():
        assert network.encode_image(torch.zeros(1, 3, 64, 64), None).embedding.dtype == torch.float32

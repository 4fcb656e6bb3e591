from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sam2s_model.mask_decoder import ChosenMask, DecoderOutput, HighResFeatures, MaskDecoder, choose_mask
from sam2s_model.prompt_encoder import PromptEmbedding


def proposals(iou: list[float], first_mask: Tensor | None = None) -> DecoderOutput:
    """One object whose mask i is filled with the number i + 1 and whose token i with i."""
    masks = torch.arange(1.0, 5.0).view(1, 4, 1, 1).repeat(1, 1, 10, 10)
    if first_mask is not None:
        masks[0, 0] = first_mask
    tokens = torch.arange(4.0).view(1, 4, 1).repeat(1, 1, 8)
    return DecoderOutput(masks, torch.tensor([iou]), torch.zeros(1, 1), tokens, torch.zeros(1, 8, 5, 5))


def half_certain(certain: int, uncertain: int) -> Tensor:
    """A mask with so many cells far above the threshold and so many just above it; the rest far below."""
    logits = torch.full((100,), -5.0)
    logits[:certain] = 5.0
    logits[certain : certain + uncertain] = 0.01
    return logits.view(10, 10)


def summary(chosen: ChosenMask) -> tuple[float, float, float]:
    """Which mask, of what quality, with which token."""
    return float(chosen.mask_logits.mean()), float(chosen.iou), float(chosen.token.mean())


def decode(objects: int) -> tuple[MaskDecoder, DecoderOutput]:
    torch.manual_seed(0)
    decoder = MaskDecoder(d_model=32, heads=4, ffn=64, iou_hidden=16)
    prompt = PromptEmbedding(torch.randn(objects, 2, 32), torch.randn(objects, 32, 3, 4))
    high_res = decoder.project_high_res(torch.randn(1, 32, 12, 16), torch.randn(1, 32, 6, 8))
    return decoder, decoder(torch.randn(1, 32, 3, 4), torch.randn(1, 32, 3, 4), prompt, high_res)


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    with torch.device('meta'):
        decoder = MaskDecoder()
    assert sum(weight.numel() for weight in decoder.state_dict().values()) == 4_215_109


def test_each_object_gets_four_masks_at_stride_4() -> None:
    _, output = decode(objects=3)
    shapes = [tuple(field.shape) for field in output]
    assert shapes == [(3, 4, 12, 16), (3, 4), (3, 1), (3, 4, 32), (3, 32, 3, 4)]


def test_predicted_quality_is_a_probability() -> None:
    iou = decode(objects=3)[1].iou
    assert bool(((iou > 0) & (iou < 1)).all())


def test_high_resolution_features_are_narrowed_to_a_quarter_and_an_eighth() -> None:
    decoder, _ = decode(objects=1)
    high_res = decoder.project_high_res(stride4=torch.randn(1, 32, 12, 16), stride8=torch.randn(1, 32, 6, 8))
    assert (high_res.stride8.shape, high_res.stride4.shape) == ((1, 8, 6, 8), (1, 4, 12, 16))


def test_high_resolution_features_of_a_512_image() -> None:
    with torch.device('meta'):
        high_res = MaskDecoder().project_high_res(torch.empty(1, 256, 128, 128), torch.empty(1, 256, 64, 64))
    assert (high_res.stride4.shape, high_res.stride8.shape) == ((1, 32, 128, 128), (1, 64, 64, 64))


def test_high_resolution_features_enter_before_the_norm_and_the_activations() -> None:
    decoder, _ = decode(objects=1)
    features, high_res = torch.randn(1, 32, 3, 4), HighResFeatures(torch.randn(1, 8, 6, 8), torch.randn(1, 4, 12, 16))
    first, norm, gelu, second, _ = decoder.output_upscaling
    expected = gelu(second(gelu(norm(first(features) + high_res.stride8))) + high_res.stride4)
    torch.testing.assert_close(decoder._upscale(features, high_res), expected)


def test_multimask_takes_the_best_of_the_three_alternatives() -> None:
    chosen = choose_mask(proposals([0.9, 0.2, 0.7, 0.4]), multimask=True, stability_fallback=True)
    assert summary(chosen) == pytest.approx((3, 0.7, 2))


def test_equal_alternatives_yield_the_first() -> None:
    chosen = choose_mask(proposals([0.9, 0.2, 0.7, 0.7]), multimask=True, stability_fallback=False)
    assert chosen.token.mean() == 2


def test_single_mask_is_mask_0_whatever_its_quality() -> None:
    chosen = choose_mask(proposals([0.1, 0.2, 0.7, 0.4]), multimask=False, stability_fallback=False)
    assert summary(chosen) == pytest.approx((1, 0.1, 0))


@pytest.mark.parametrize(
    ('first_mask', 'falls_back'),
    [
        (half_certain(49, 1), False),  # exactly 0.98
        (half_certain(48, 1), True),
        (half_certain(0, 1), True),
        (half_certain(0, 0), False),  # an empty mask is stable
        (half_certain(100, 0), False),
    ],
)
def test_an_unstable_mask_0_gives_way_to_the_best_alternative(first_mask: Tensor, falls_back: bool) -> None:
    chosen = choose_mask(proposals([0.1, 0.2, 0.7, 0.4], first_mask), multimask=False, stability_fallback=True)
    assert torch.equal(chosen.mask_logits[0, 0], torch.full((10, 10), 3.0) if falls_back else first_mask)
    assert chosen.iou == pytest.approx(0.7 if falls_back else 0.1)


def test_the_token_stays_that_of_mask_0_in_the_fallback() -> None:
    chosen = choose_mask(proposals([0.1, 0.2, 0.7, 0.4], half_certain(1, 50)), multimask=False, stability_fallback=True)
    assert chosen.token.mean() == 0


def test_each_object_chooses_for_itself() -> None:
    pair = [proposals([0.1, 0.2, 0.7, 0.4]), proposals([0.1, 0.2, 0.3, 0.4])]
    both = DecoderOutput(*(torch.cat(fields) for fields in zip(*pair, strict=True)))
    assert choose_mask(both, multimask=True, stability_fallback=False).token.mean(dim=1).tolist() == [2, 3]

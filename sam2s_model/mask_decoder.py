"""Mask decoder: image features and a prompt in, four mask proposals with their qualities out (SAM 2, mask decoder)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sam2s_model.layers import LayerNorm2d, Mlp
from sam2s_model.precision import in_float32
from sam2s_model.prompt_encoder import PromptEmbedding
from sam2s_model.two_way_transformer import TwoWayTransformer

# Mask 0 answers an unambiguous prompt; masks 1 to 3 are alternatives for an ambiguous one.
MASKS = 4

# A mask is stable when moving the threshold by this many logits either way changes less than 2 % of it.
STABILITY_MARGIN = 0.05
STABILITY_THRESHOLD = 0.98


class HighResFeatures(NamedTuple):
    """Fine features for sharp mask borders: (N or 1, C/4, 2h, 2w) at stride 8 and (N or 1, C/8, 4h, 4w) at stride 4."""

    stride8: Tensor
    stride4: Tensor


class DecoderOutput(NamedTuple):
    """Four proposals for each of N objects.

    Attributes:
        mask_logits: (N, 4, 4h, 4w) at stride 4; above 0 is the object.
        iou: (N, 4) predicted quality in [0, 1].
        object_score: (N, 1) logit that the object is in the frame at all.
        mask_tokens: (N, 4, C) the tokens behind the masks, of which object pointers are made.
        cells: (N, C, h, w) the image features behind the masks.
    """

    mask_logits: Tensor
    iou: Tensor
    object_score: Tensor
    mask_tokens: Tensor
    cells: Tensor


class ChosenMask(NamedTuple):
    """One proposal for each of N objects: mask_logits (N, 1, 4h, 4w), iou (N,), token (N, C)."""

    mask_logits: Tensor
    iou: Tensor
    token: Tensor


class MaskDecoder(nn.Module):
    """Decode masks, their qualities and the object's presence from image features and a prompt."""

    def __init__(self, d_model: int = 256, heads: int = 8, ffn: int = 2048, iou_hidden: int = 256) -> None:
        super().__init__()
        fine, finest = d_model // 4, d_model // 8
        self.transformer = TwoWayTransformer(d_model, heads, ffn)
        self.iou_token = nn.Embedding(1, d_model)
        self.mask_tokens = nn.Embedding(MASKS, d_model)
        self.obj_score_token = nn.Embedding(1, d_model)
        self.conv_s0 = nn.Conv2d(d_model, finest, kernel_size=1)
        self.conv_s1 = nn.Conv2d(d_model, fine, kernel_size=1)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(d_model, fine, kernel_size=2, stride=2),
            LayerNorm2d(fine),
            nn.GELU(),
            nn.ConvTranspose2d(fine, finest, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp(d_model, d_model, finest, depth=3) for _ in range(MASKS))
        self.iou_prediction_head = Mlp(d_model, iou_hidden, MASKS, depth=3)
        self.pred_obj_score_head = Mlp(d_model, d_model, 1, depth=3)

    def project_high_res(self, stride4: Tensor, stride8: Tensor) -> HighResFeatures:
        """Narrow the neck's fine maps, (N, C, 4h, 4w) and (N, C, 2h, 2w); needed once a frame, not once an object."""
        return HighResFeatures(self.conv_s1(stride8), self.conv_s0(stride4))

    def forward(
        self,
        features: Tensor,
        position: Tensor,
        prompt: PromptEmbedding,
        high_res: HighResFeatures,
        masks: int = MASKS,
    ) -> DecoderOutput:
        """Propose four masks for each of N objects.

        Args:
            features: (N or 1, C, h, w) stride-16 features, conditioned on memory or not.
            position: (1, C, h, w) position code of the cells, `PromptEncoder.dense_position`.
            prompt: The encoded prompts of the N objects.
            high_res: What `project_high_res` made of the same frame.
            masks: How many of them are drawn, the first ones; the others have a quality and a token alone.
        """
        tokens = torch.cat((self._output_tokens(len(prompt.sparse)), prompt.sparse), dim=1)
        tokens, features = self.transformer(tokens, features + prompt.dense, position)
        object_token, iou_token, mask_tokens = tokens[:, 0], tokens[:, 1], tokens[:, 2 : 2 + MASKS]
        return DecoderOutput(
            mask_logits=self._masks(mask_tokens[:, :masks], self._upscale(features, high_res)).float(),
            iou=_judge(self.iou_prediction_head, iou_token).sigmoid(),
            object_score=_judge(self.pred_obj_score_head, object_token),
            mask_tokens=mask_tokens,
            cells=features,
        )

    def _output_tokens(self, count: int) -> Tensor:
        tokens = torch.cat((self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight))
        return tokens.expand(count, -1, -1)

    def _upscale(self, features: Tensor, high_res: HighResFeatures) -> Tensor:
        to_stride8, norm, activation, to_stride4, last_activation = self.output_upscaling
        features = activation(norm(to_stride8(features) + high_res.stride8))
        upscaled: Tensor = last_activation(to_stride4(features) + high_res.stride4)
        return upscaled

    def _masks(self, mask_tokens: Tensor, upscaled: Tensor) -> Tensor:
        heads = zip(self.output_hypernetworks_mlps, mask_tokens.unbind(1), strict=False)  # some may not be asked for
        kernels = torch.stack([head(token) for head, token in heads], dim=1)
        return torch.einsum('nmc,nchw->nmhw', kernels, upscaled)


def _judge(head: nn.Module, token: Tensor) -> Tensor:
    """What a head says of the mask, in float32 whatever the rest computes in."""
    with in_float32(token):
        judgement: Tensor = head(token.float())
    return judgement


def choose_mask(output: DecoderOutput, multimask: bool, stability_fallback: bool) -> ChosenMask:
    """Pick one of the four proposals for each object.

    Args:
        output: What the decoder proposed.
        multimask: Take the alternative (1 to 3) of best predicted quality, as for one click and in tracking.
            Otherwise mask 0.
        stability_fallback: Where mask 0 is asked for but unstable, take the best alternative's mask and quality. The
            token stays that of mask 0, as in SAM 2.
    """
    best = output.iou[:, 1:].argmax(dim=1) + 1
    if multimask:
        return _pick(output, mask=best, token=best)
    first = torch.zeros_like(best)
    if not stability_fallback:
        return _pick(output, mask=first, token=first)
    stable = _stability(output.mask_logits[:, 0]) >= STABILITY_THRESHOLD
    return _pick(output, mask=torch.where(stable, first, best), token=first)


def _pick(output: DecoderOutput, mask: Tensor, token: Tensor) -> ChosenMask:
    rows = torch.arange(len(mask), device=mask.device)
    return ChosenMask(
        output.mask_logits[rows, mask].unsqueeze(1), output.iou[rows, mask], output.mask_tokens[rows, token]
    )


def _stability(mask_logits: Tensor) -> Tensor:
    """IoU (N,) of each mask (N, 4h, 4w) at a raised and a lowered threshold; 1 where both are empty."""
    logits = mask_logits.flatten(1)
    inner = (logits > STABILITY_MARGIN).sum(dim=1).float()
    outer = (logits > -STABILITY_MARGIN).sum(dim=1).float()
    return torch.where(outer > 0, inner / outer, 1.0)

"""MatchingSam2s, the small size that we ship: SAM 2.1's mask decoder on an explicit matching read-out.

A frozen trunk gives keys; remembered frames keep their keys and the object's mask. What matching reads out is the dense
prompt of the mask decoder and the start of its masks: untrained, the decoder adds nothing and the read-out is the mask.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.image_encoder import FpnNeck
from sam2s_model.layers import LayerNorm2d, Mlp
from sam2s_model.lite_trunk import LiteTrunk, TrunkMaps
from sam2s_model.mask_decoder import ChosenMask, DecoderOutput, MaskDecoder, choose_mask
from sam2s_model.matching import (
    STRIDE,
    KeyBasis,
    ReadOut,
    learn_basis,
    matching_keys,
    pool_memory,
    read_everywhere,
    read_nearby,
)
from sam2s_model.network import NO_OBJECT_LOGIT, FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.prompt_encoder import FOREGROUND, NO_POINT, PointEncoder, PromptEmbedding
from sam2s_model.prompt_prior import guess_mask
from sam2s_model.refiner import Refiner

KEY_DIM = 64
NECK_CHANNELS = (24, 40, 112, 320)  # of the trunk's maps at strides 4, 8, 16 and 32
D_MODEL = 128
POOLED_CELLS = 4.0  # a cell of long-term memory stands for so many
MAX_LOGIT = 6.0  # of a read-out; matching is never surer than this
MASK_PROMPT_LOGIT = 10.0
START_WEIGHT = 0.5  # of the read-out's logits in the mask's; a mask that starts out sure of itself learns nothing
REMEMBERED_SHARPNESS = 8.0  # of tracked masks; remembered softly, a mask would blur a little more with every frame
CLICK_SPREAD = 1.0  # cells, the width of the bump that marks a click


Part = TypeVar('Part', bound=nn.Module)


class CellMask(NamedTuple):
    """What one object leaves behind on one frame: keys (h·w, K), those of the frame, and its mask (h·w,) in [0, 1]."""

    keys: Tensor
    mask: Tensor


class Clue(NamedTuple):
    """What is known of N objects before the decoder looks: maps at stride 8.

    Attributes:
        logits: (N, 1, h, w) first guess at the mask.
        maps: (N, MAPS, h, w) where the guess comes from.
    """

    logits: Tensor
    maps: Tensor


MAPS = 7  # recent and lasting memory, how well each explains the cell; positive and negative clicks, box


class MatchingSam2s(nn.Module):
    """A promptable video segmentation network of 5 million parameters; see `network.Network`."""

    pixel_mean = (0.5, 0.5, 0.5)
    pixel_std = (0.5, 0.5, 0.5)

    def __init__(self, image_size: int = 320, d_model: int = D_MODEL) -> None:
        super().__init__()
        if image_size % 64:
            raise ValueError(f'image_size must be a multiple of 64, got {image_size}')
        self.image_size = image_size
        self.half_precision = False  # trunk and refiner in bfloat16: three times as fast where the CPU has it
        self.trunk = _channels_last(LiteTrunk().requires_grad_(False))
        self.tap_norms = nn.ModuleList(nn.BatchNorm2d(count) for count in NECK_CHANNELS)
        self.neck = FpnNeck(NECK_CHANNELS, d_model)
        self.point_encoder = PointEncoder(d_model)
        self.clue_encoder = ClueEncoder(d_model)
        self.refiner = _channels_last(Refiner(d_model // 4, d_model // 8, 1 + MAPS))
        self.mask_decoder = MaskDecoder(d_model, heads=4, ffn=512, iou_hidden=d_model)
        self._start_from_the_read_out()

    def _start_from_the_read_out(self) -> None:
        for head in self.mask_decoder.output_hypernetworks_mlps:
            _silence(head, 0.0)
        _silence(self.mask_decoder.iou_prediction_head, 2.0)
        _silence(self.mask_decoder.pred_obj_score_head, 4.0)

    def train(self, mode: bool = True) -> MatchingSam2s:
        """Switch everything but the trunk and the statistics of its maps."""
        super().train(mode)
        self.trunk.eval()
        self.tap_norms.eval()
        return self

    @torch.no_grad()
    def fit_tap_norms(self, images: Tensor) -> None:
        """Set the statistics of the trunk's maps from a batch of images (N, 3, S, S), before training."""
        for norm, features in zip(self.tap_norms, self._taps(self._see(images)), strict=True):
            assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_(features.mean((0, 2, 3)))
            norm.running_var.copy_(features.var((0, 2, 3)))

    @torch.no_grad()
    def calibrate(self, image: Tensor) -> KeyBasis:
        """Learn the key basis of a stream from its first prompted frame (1, 3, S, S)."""
        return learn_basis(_matching_maps(self._see(image)), KEY_DIM)

    def encode_image(self, image: Tensor, calibration: KeyBasis) -> FrameFeatures:
        """Encode one frame (1, 3, S, S)."""
        with torch.no_grad():
            maps = self._see(image)
            keys = matching_keys(_matching_maps(maps), calibration)
        normed = [norm(features) for norm, features in zip(self.tap_norms, self._taps(maps), strict=True)]
        features = self.neck(normed)
        high_res = self.mask_decoder.project_high_res(features.stride4, features.stride8)
        return FrameFeatures(image, features.stride16, high_res, keys.flatten(), keys)

    def _see(self, images: Tensor) -> TrunkMaps:
        with self._precision(images):
            maps = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return TrunkMaps(*(features.float() for features in maps))

    def _precision(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, torch.bfloat16, enabled=self.half_precision)

    def _taps(self, maps: TrunkMaps) -> tuple[Tensor, ...]:
        return maps.stride4, maps.stride8, maps.stride16, maps.stride32

    def layout(self, recall: Recall[CellMask]) -> Hashable:
        """Objects that remember the same frames in the same roles share all their similarities."""
        return tuple((slot.role, slot.memory.index) for slot in recall.frames)

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[CellMask]], prompt: PromptBatch | None
    ) -> MaskOutput:
        """Segment N objects on one frame from memory, a prompt, or both."""
        if prompt is not None and prompt.mask is not None:
            return _mask_as_output(prompt.mask)
        count = len(recalls)
        clue = self._clue(features, recalls, prompt)
        clues = torch.cat((clue.logits / MAX_LOGIT, clue.maps), dim=1)
        output = self.mask_decoder(
            features.stride16,
            self.point_encoder.dense_position(*features.stride16.shape[-2:]),
            PromptEmbedding(self._sparse(features, prompt, count), self.clue_encoder(clues)),
            features.high_res,
        )
        with self._precision(clues):
            correction = self.refiner(clues, features.high_res)
        start = _upsample(clue.logits) * START_WEIGHT + correction.float()
        output = output._replace(mask_logits=output.mask_logits + start)
        return _gate(output, choose_mask(output, multimask=_is_ambiguous(prompt), stability_fallback=False))

    def encode_memory(self, features: FrameFeatures, output: MaskOutput, prompted: bool) -> list[CellMask]:
        """Remember the frame's keys and the masks of N objects, at stride 8."""
        assert features.keys is not None, 'matching needs keys'
        # A prompted mask is what a person said: remembered sharp. A tracked one keeps its doubts.
        masks = (output.mask_logits > 0).float() if prompted else (output.mask_logits * REMEMBERED_SHARPNESS).sigmoid()
        cells = F.avg_pool2d(masks.detach(), 2).flatten(1)
        return [CellMask(features.keys, cell_mask) for cell_mask in cells]

    def _sparse(self, features: FrameFeatures, prompt: PromptBatch | None, count: int) -> Tensor:
        grid = (features.stride16.shape[-2], features.stride16.shape[-1])
        points = features.stride16.new_zeros(count, 1, 2) if prompt is None else prompt.points
        labels = points.new_full((count, 1), NO_POINT) if prompt is None else prompt.labels
        return self.point_encoder.encode_points(points, labels, grid)

    @torch.no_grad()
    def _clue(self, features: FrameFeatures, recalls: Sequence[Recall[CellMask]], prompt: PromptBatch | None) -> Clue:
        assert features.keys is not None, 'matching needs keys'
        count, side = len(recalls), features.image.shape[-1] // STRIDE
        maps = features.keys.new_zeros(count, MAPS, side, side)
        logits = features.keys.new_zeros(count, 1, side, side)
        if recalls[0].frames:
            _read_memory(features.keys, recalls, logits, maps)
        elif prompt is not None:
            logits = _guess(features.image, prompt, side)
        if prompt is not None:
            if prompt.previous_logits is not None:
                logits = F.avg_pool2d(prompt.previous_logits, 2).clamp(-MAX_LOGIT, MAX_LOGIT)
            maps[:, 4:] = _draw(prompt, side)
        return Clue(logits, maps)


class ClueEncoder(nn.Module):
    """Maps at stride 8 to the decoder's dense prompt at stride 16."""

    def __init__(self, d_model: int, hidden: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1 + MAPS, hidden, kernel_size=3, padding=1),
            LayerNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, d_model, kernel_size=2, stride=2),
        )

    def forward(self, clues: Tensor) -> Tensor:
        dense: Tensor = self.layers(clues)
        return dense


def _channels_last(module: Part) -> Part:
    """Lay out a part's convolutions as CPUs like them."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module


def _silence(head: nn.Module, answer: float) -> None:
    """Let a head give the same answer whatever it sees, until it is trained."""
    assert isinstance(head, Mlp)
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, answer)


def _matching_maps(maps: TrunkMaps) -> tuple[Tensor, ...]:
    return maps.stride8, maps.stride16_early, maps.stride16


def _upsample(logits: Tensor) -> Tensor:
    return F.interpolate(logits, scale_factor=2, mode='bilinear', align_corners=False)


def _read_memory(keys: Tensor, recalls: Sequence[Recall[CellMask]], logits: Tensor, maps: Tensor) -> None:
    """Match the frame with what N objects remember; fill in logits (N, 1, h, w) and the first four of their maps."""
    side, cells = logits.shape[-1], len(keys)
    prompted, chosen, recent = (
        _slots(recalls[0], role) for role in (Role.CONDITIONING, Role.LONG_TERM, Role.SHORT_TERM)
    )
    found = read_everywhere(keys, *_stack(recalls, prompted))
    if chosen:
        found = found + read_everywhere(keys, *pool_memory(*_stack(recalls, chosen), side)) * POOLED_CELLS
    _note(maps, 2, found, (len(prompted) + len(chosen)) * cells)
    if recent:
        nearby = read_nearby(keys, *_stack(recalls, recent), side)
        _note(maps, 0, nearby, len(recent) * cells)
        found = found + nearby
    limit = torch.tensor(MAX_LOGIT).sigmoid().item()
    logits.copy_(found.probability.clamp(1 - limit, limit).logit().view_as(logits))


def _slots(recall: Recall[CellMask], role: Role) -> list[int]:
    return [index for index, slot in enumerate(recall.frames) if slot.role is role]


def _stack(recalls: Sequence[Recall[CellMask]], slots: list[int]) -> tuple[Tensor, Tensor]:
    """Keys (F, h·w, K) of some remembered frames, and masks (N, F, h·w) of the objects in them."""
    keys = torch.stack([recalls[0].frames[i].memory.content.keys for i in slots])
    masks = torch.stack([torch.stack([recall.frames[i].memory.content.mask for i in slots]) for recall in recalls])
    return keys, masks


def _note(maps: Tensor, channel: int, found: ReadOut, cells: int) -> None:
    maps[:, channel] = found.probability.view_as(maps[:, channel])
    maps[:, channel + 1] = found.evidence(cells).view_as(maps[0, channel])


def _guess(image: Tensor, prompt: PromptBatch, side: int) -> Tensor:
    """Logits (N, 1, side, side) of what a first prompt means."""
    rgb = ((image[0] * 0.5 + 0.5) * 255).clamp(0, 255).byte().permute(1, 2, 0).contiguous().cpu().numpy()
    prompts = zip(prompt.points.cpu().numpy(), prompt.labels.long().cpu().numpy(), strict=True)
    guesses = np.stack([guess_mask(rgb, points, labels) for points, labels in prompts])
    return F.interpolate(torch.from_numpy(guesses).to(image.device).unsqueeze(1), (side, side), mode='area')


def _draw(prompt: PromptBatch, side: int) -> Tensor:
    """Positive clicks, negative clicks and the box of N prompts as maps (N, 3, side, side) in [0, 1]."""
    centres = torch.arange(side, device=prompt.points.device) + 0.5
    x, y = (prompt.points / STRIDE).unbind(-1)
    bumps = _bump(y, centres).unsqueeze(-1) * _bump(x, centres).unsqueeze(-2)
    positive = (bumps * (prompt.labels == FOREGROUND)[..., None, None]).amax(1)
    negative = (bumps * (prompt.labels == 0)[..., None, None]).amax(1)
    return torch.stack((positive, negative, _box_map(prompt, x, y, centres)), dim=1)


def _bump(position: Tensor, centres: Tensor) -> Tensor:
    return torch.exp(-0.5 * ((position.unsqueeze(-1) - centres) / CLICK_SPREAD) ** 2)


def _box_map(prompt: PromptBatch, x: Tensor, y: Tensor, centres: Tensor) -> Tensor:
    """(N, side, side): 1 inside the box, falling off within a cell; 0 everywhere without a box."""
    spans = []
    for position in (y, x):
        low = position.masked_fill(prompt.labels != 2, torch.inf).amin(1, keepdim=True)
        high = position.masked_fill(prompt.labels != 3, -torch.inf).amax(1, keepdim=True)
        spans.append(((centres - low).clamp(-0.5, 0.5) + (high - centres).clamp(-0.5, 0.5)).clamp(0, 1))
    return spans[0].unsqueeze(-1) * spans[1].unsqueeze(-2)


def _is_ambiguous(prompt: PromptBatch | None) -> bool:
    """One click may mean a part or the whole (SAM 2: several masks, the best is taken)."""
    return prompt is not None and prompt.points.shape[1] <= 1


def _gate(output: DecoderOutput, chosen: ChosenMask) -> MaskOutput:
    score = output.object_score.squeeze(1)
    logits = torch.where((score > 0)[:, None, None, None], chosen.mask_logits, NO_OBJECT_LOGIT)
    return MaskOutput(logits, chosen.iou, score, None, output)


def _mask_as_output(mask: Tensor) -> MaskOutput:
    """A mask prompt is its own result, with perfect quality (SAM 2, mask as output)."""
    logits = F.interpolate(mask, scale_factor=0.25, mode='bilinear', antialias=True) * 2 - 1
    score = torch.where(mask.flatten(1).any(1), MASK_PROMPT_LOGIT, -MASK_PROMPT_LOGIT)
    return MaskOutput(logits * MASK_PROMPT_LOGIT, torch.ones_like(score), score, None, None)

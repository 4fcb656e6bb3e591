"""Drawn videos and small networks that several tests of training use."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HieraSize, Widths
from sam2s_model.training.augmentation import Augmentation
from sam2s_model.training.clips import ClipRecipe, Clips
from sam2s_model.training.divemem_sampling import ClipSampling
from sam2s_model.training.sources import Sources
from sam2s_model.training.videos import Video, VideoInMemory

SMALL_HIERA = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))
SMALL_WIDTHS = Widths(d_model=64, memory_dim=16, memory_ffn=128, decoder_heads=4, decoder_ffn=128, iou_hidden=64)


@dataclass(frozen=True)
class DrawnVideos:
    """Videos of a red disc and a blue square that move over a grey, grainy ground."""

    whole: int = 12

    def draw(self, rng: np.random.Generator, side: int, frames: int, whole: bool) -> Video:
        """A new video of `frames` frames, or of a longer whole."""
        count = self.whole if whole else frames
        ground = rng.integers(90, 130, (side, side, 3)).astype(np.uint8)
        places = rng.uniform(0.3, 0.7, (2, 2)) + np.cumsum(rng.normal(0, 0.02, (count, 2, 2)), axis=0)
        images, labels = np.stack([ground] * count), np.zeros((count, side, side), np.uint8)
        for image, label, (disc, square) in zip(images, labels, np.clip(places, 0.2, 0.8) * side, strict=True):
            for canvas, disc_value, square_value in ((image, (200, 40, 40), (40, 60, 210)), (label, 1, 2)):
                cv2.circle(canvas, (int(disc[0]), int(disc[1])), side // 6, disc_value, -1)
                x, y = int(square[0]), int(square[1])
                cv2.rectangle(canvas, (x - side // 8, y - side // 8), (x + side // 8, y + side // 8), square_value, -1)
        return VideoInMemory(images, labels, ('hook', ''))


def drawn_clips(
    side: int = 64, frames: tuple[int, int] = (3, 3), sampling: ClipSampling | None = None, seed: int = 1
) -> Clips:
    """Clips of drawn videos."""
    sources = Sources((DrawnVideos(),), (1.0,))
    return Clips(ClipRecipe(sources, (side,), frames, sampling or ClipSampling(), Augmentation()), seed)


def small_sam2s(seed: int = 0, semantic_dim: int | None = None) -> Sam2s:
    """A Sam2s of few channels that has forgotten nothing: no weight is zero, no object is thought absent at first."""
    torch.manual_seed(seed)
    network = Sam2s(SMALL_HIERA, 64, widths=SMALL_WIDTHS, semantic_dim=semantic_dim)
    with torch.no_grad():
        for weight in network.parameters():
            if not weight.any():
                weight.normal_(0, 0.02)
        last = network.sam_mask_decoder.pred_obj_score_head.layers[-1]
        assert isinstance(last, nn.Linear)
        last.bias.fill_(2.0)
    return network.train()


def small_matching(seed: int = 0, semantic_dim: int | None = None) -> MatchingSam2s:
    """The shipped network with a trunk that knows nothing."""
    torch.manual_seed(seed)
    return MatchingSam2s(image_size=64, semantic_dim=semantic_dim).train()

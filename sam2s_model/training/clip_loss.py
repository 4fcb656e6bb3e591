"""The loss of one clip: prompt on the first frame, track through the others, with the code that the tracker runs."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.frame_memory import FrameMemory, Recall
from sam2s_model.image_transforms import to_input
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.network import FrameFeatures, MaskOutput, MemoryContent, Network, PromptBatch
from sam2s_model.training.clips import Clip
from sam2s_model.training.losses import Losses, mask_losses
from sam2s_model.training.prompt_simulation import correct, draw_kind, simulate

CORRECTED = 0.25  # how often a frame is corrected by a click
TEACHER_FORCED = 0.3  # how often a frame is remembered with its true mask
MASK_LOGIT = 10.0


def clip_losses(network: Network, clip: Clip, device: torch.device) -> list[Losses]:
    """Losses of every decoding of a clip."""
    rng = np.random.default_rng(clip.seed)
    images = [to_input(f, f.shape[0], network.pixel_mean, network.pixel_std, device) for f in clip.frames]
    calibration = network.calibrate(images[0])
    banks: list[MemoryBank[MemoryContent]] = [MemoryBank(MemorySettings()) for _ in clip.masks]
    losses: list[Losses] = []
    for index, image in enumerate(images):
        features = network.encode_image(image, calibration)
        masks = clip.masks[:, index]
        targets = _targets(masks, device)
        recalls = [bank.recall(index) if index else Recall() for bank in banks]
        prompt = None if index else simulate(rng, draw_kind(rng), masks)
        output = network.track_frame(features, recalls, prompt)
        losses += _judge(output, targets, prompt)
        if output.proposals is not None and rng.random() < CORRECTED:
            prompt = correct(rng, prompt, output.mask_logits, masks)
            output = network.track_frame(features, recalls, prompt)
            losses += _judge(output, targets, prompt)
        if rng.random() < TEACHER_FORCED:
            output = output._replace(mask_logits=(targets.unsqueeze(1) * 2 - 1) * MASK_LOGIT)
        _remember(network, banks, features, output, index)
    return losses


def _targets(masks: NDArray[np.bool_], device: torch.device) -> Tensor:
    """Share of each stride-4 cell that is covered: (N, S/4, S/4)."""
    return F.avg_pool2d(torch.from_numpy(masks).float().to(device), 4)


def _judge(output: MaskOutput, targets: Tensor, prompt: PromptBatch | None) -> list[Losses]:
    if output.proposals is None:
        return []
    multimask = prompt is not None and prompt.points.shape[1] <= 1
    return [mask_losses(output.proposals, targets, multimask)]


def _remember(
    network: Network,
    banks: list[MemoryBank[MemoryContent]],
    features: FrameFeatures,
    output: MaskOutput,
    index: int,
) -> None:
    contents = network.encode_memory(features, output, prompted=index == 0)
    for bank, content in zip(banks, contents, strict=True):
        memory = FrameMemory(index, index, 0.0, True, features.embedding, content)
        if index == 0:
            bank.add_conditioning(memory)
        else:
            bank.add_tracked(memory)

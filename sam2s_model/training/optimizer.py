"""AdamW as SAM 2 is fine-tuned: groups of weights with their own rates, and a rate that rises and falls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

IMAGE_ENCODER = 'image_encoder.'
TRUNK = 'image_encoder.trunk.'
POINTED_TRUNKS = tuple(f'{reader}.trunk.stages.' for reader in ('prompt_reader', 'mask_reader', 'seeker'))
EXEMPT = 'pos_embed'  # the trunk's position embeddings learn as fast as its last layers (SAM 2)
BLOCK = re.compile(re.escape(TRUNK) + r'blocks\.(\d+)\.')


@dataclass(frozen=True)
class OptimizerSettings:
    """What AdamW is given.

    Attributes:
        learning_rate: Peak rate; it rises over `warmup` steps, then falls as half a cosine to `final_rate` times it.
        image_encoder_rate: Share of the rate for Hiera and its neck (SAM 2: 0.6), and in `lite` for the trunks that see
            prompts, which were trained before, too.
        layer_decay: Factor from each layer of Hiera to the one before it (SAM 2: 0.9).
        weight_decay: For all weights but biases and norms (SAM 2: 0.1).
    """

    learning_rate: float = 1e-3
    warmup: int = 100
    final_rate: float = 0.0
    weight_decay: float = 0.02
    image_encoder_rate: float = 1.0
    layer_decay: float = 1.0


def build_optimizer(network: nn.Module, settings: OptimizerSettings) -> torch.optim.AdamW:
    """AdamW over all weights that learn; each group's `share` of the rate is kept beside it."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    learnt = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    layers = _trunk_layers(name for name, _ in network.named_parameters())
    for name, weight in learnt:
        decay = settings.weight_decay if weight.ndim > 1 else 0.0
        groups.setdefault((rate_share(name, layers, settings), decay), []).append(weight)
    if not groups:
        raise ValueError('expected weights that learn, came a network whose weights are all frozen')
    described: list[Mapping[str, Any]] = [
        {'params': weights, 'weight_decay': decay, 'share': share} for (share, decay), weights in groups.items()
    ]
    return torch.optim.AdamW(list(map(dict, described)), lr=settings.learning_rate)


def rate_share(name: str, layers: int, settings: OptimizerSettings) -> float:
    """Share of the learning rate that a weight gets: the deeper in a trunk of so many layers, the less."""
    if name.startswith(POINTED_TRUNKS):
        return settings.image_encoder_rate
    if not name.startswith(IMAGE_ENCODER):
        return 1.0
    if not name.startswith(TRUNK) or EXEMPT in name:
        return settings.image_encoder_rate
    block = BLOCK.match(name)
    above = layers - (int(block[1]) + 1 if block else 0)
    return float(settings.image_encoder_rate * settings.layer_decay**above)


def learning_rate(settings: OptimizerSettings, steps: int, step: int) -> float:
    """Rate of a step: linear warm-up, then half a cosine."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(steps - settings.warmup, 1)
    lowest = settings.final_rate
    return settings.learning_rate * (lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * done)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of the rate."""
    for group in optimizer.param_groups:
        group['lr'] = rate * group['share']


def _trunk_layers(names: Iterable[str]) -> int:
    """Layers of Hiera: the patches, then its blocks."""
    blocks = {match[1] for name in names if (match := BLOCK.match(name))}
    return len(blocks) + 1

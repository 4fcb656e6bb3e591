"""All that changes while training, and so all that is saved to go on later as if nothing had happened.

Nothing else has to be saved: clips are numbered, and every step seeds the random numbers of its dropouts anew.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sam2s_model.build import AnyNetwork
from sam2s_model.checkpoint import save_weights
from sam2s_model.matching_sam2s import MatchingSam2s

LAST = 'last.pt'
EMA_START = 10  # the averaged weights follow fast at first: their decay is at most (1 + step) / (10 + step)


@dataclass
class Run:
    """A network while it is trained.

    Attributes:
        network: What learns.
        averaged: Its weights averaged over the steps, which are the result.
        optimizer: AdamW with its moments.
        step: Optimiser steps done.
    """

    network: AnyNetwork
    averaged: AnyNetwork
    optimizer: torch.optim.Optimizer
    step: int = 0

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Move the averaged weights towards the present ones."""
        decay = min(decay, (1 + self.step) / (EMA_START + self.step))
        for mean, now in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            if now.requires_grad:
                mean.lerp_(now, 1 - decay)

    def save(self, folder: Path) -> None:
        """Write the checkpoint; an interruption leaves the one before it."""
        state = {
            'step': self.step,
            'network': self.network.state_dict(),
            'averaged': self.averaged.state_dict(),
            'optimizer': self.optimizer.state_dict(),
        }
        temporary = folder / f'{LAST}.tmp'
        torch.save(state, temporary)
        temporary.replace(folder / LAST)

    def resume(self, folder: Path) -> None:
        """Go on from the checkpoint in a folder, if there is one."""
        if not (folder / LAST).is_file():
            return
        state = torch.load(folder / LAST, map_location='cpu', weights_only=True)
        self.step = state['step']
        self.network.load_state_dict(state['network'])
        self.averaged.load_state_dict(state['averaged'])
        self.optimizer.load_state_dict(state['optimizer'])


def averaged_copy(network: AnyNetwork) -> AnyNetwork:
    """A network that starts with the same weights and does not learn."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def write_result(network: AnyNetwork, folder: Path, size: str) -> Path:
    """Write the weights for tracking; those of the shipped size in half precision and less."""
    path = folder / f'{size}.safetensors'
    if isinstance(network, MatchingSam2s):
        save_weights(network, path, torch.float16, network.eight_bits)
    else:
        save_weights(network, path, torch.float32)
    return path


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make what is random in one step of one process a function of these numbers alone."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0]))

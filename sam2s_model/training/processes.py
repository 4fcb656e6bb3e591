"""One process or several: how the processes of a run share clips and gradients.

`accelerate launch -m sam2s_model.training CONFIG` starts one process for each GPU. Every process has the same network,
takes its own clips, and averages its gradients with those of the others before each step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from sam2s_model.compute import choose_device


class Processes(Protocol):
    """All processes of a run, seen from one of them."""

    device: torch.device
    rank: int
    count: int

    def average(self, values: Tensor) -> Tensor:
        """Mean over all processes of tensors of the same shape."""
        ...

    def wait(self) -> None:
        """Wait until all processes are here."""
        ...


class SingleProcess:
    """A run in this process alone."""

    rank, count = 0, 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def average(self, values: Tensor) -> Tensor:
        return values

    def wait(self) -> None:
        """There is nobody to wait for."""


class AcceleratedProcesses:
    """Processes that `accelerate launch` has started."""

    def __init__(self, on_cpu: bool) -> None:
        from accelerate import PartialState

        self._state = PartialState(cpu=on_cpu)
        self.device: torch.device = self._state.device
        self.rank: int = self._state.process_index
        self.count: int = self._state.num_processes

    def average(self, values: Tensor) -> Tensor:
        from accelerate.utils import reduce

        averaged: Tensor = reduce(values, reduction='mean')
        return averaged

    def wait(self) -> None:
        self._state.wait_for_everyone()


def join_processes(device: str) -> Processes:
    """The processes of this run.

    Raises:
        ImportError: Several were started and `accelerate` is not installed.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) == 1:
        return SingleProcess(choose_device(device))
    try:
        return AcceleratedProcesses(on_cpu=device == 'cpu')
    except ImportError:
        raise ImportError('several processes need the package accelerate: pip install accelerate') from None


def average_gradients(processes: Processes, weights: Sequence[nn.Parameter]) -> None:
    """Average gradients over all processes; a weight that no process has used keeps none."""
    if processes.count == 1:
        return
    used = torch.tensor([weight.grad is not None for weight in weights], device=processes.device).float()
    used = processes.average(used)
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    averaged = processes.average(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(averaged, [weight.numel() for weight in weights])
    for weight, part, share in zip(weights, parts, used.tolist(), strict=True):
        weight.grad = part.view_as(weight) if share > 0 else None

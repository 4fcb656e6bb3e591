"""Time by stage: how long the parts of a network take while it tracks one frame.

On a CPU that is wall-clock time; on CUDA events are recorded on the stream and read once the frame is done.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

# Attributes of both implementations, named as in the released checkpoints.
STAGES = ('image_encoder', 'memory_attention', 'sam_mask_decoder', 'memory_encoder')


@dataclass(frozen=True)
class Timing:
    """One frame.

    Attributes:
        wall_ms: From the frame to its masks.
        cpu_ms: What this process computed in the meantime, over all its threads.
        stages_ms: Wall-clock time by stage; the rest is resizing, memory and masks.
    """

    wall_ms: float
    cpu_ms: float
    stages_ms: dict[str, float]


class Stopwatch:
    """Takes the time of frames that a network tracks, and of its stages."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._on_gpu = device.type == 'cuda'
        self._marks: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
        self._begun: dict[str, Any] = {}
        for name in STAGES:
            part = getattr(network, name, None)
            if isinstance(part, nn.Module):
                part.register_forward_pre_hook(self._begin(name))
                part.register_forward_hook(self._end(name))

    def time(self, track: Callable[[], object]) -> Timing:
        """Track one frame and take its time."""
        self._marks.clear()
        cpu, begin = time.process_time(), self._now()
        track()
        end = self._now()
        if self._on_gpu:
            torch.cuda.synchronize()
        stages = {name: sum(_between(*pair) for pair in pairs) for name, pairs in self._marks.items()}
        return Timing(_between(begin, end), (time.process_time() - cpu) * 1e3, stages)

    def _now(self) -> Any:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _begin(self, name: str) -> Callable[..., None]:
        def note(*_: object) -> None:
            self._begun[name] = self._now()

        return note

    def _end(self, name: str) -> Callable[..., None]:
        def note(*_: object) -> None:
            self._marks[name].append((self._begun.pop(name), self._now()))

        return note


def _between(begin: Any, end: Any) -> float:
    """Milliseconds between two moments."""
    return (end - begin) * 1e3 if isinstance(begin, float) else float(begin.elapsed_time(end))

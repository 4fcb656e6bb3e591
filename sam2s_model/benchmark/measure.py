"""Measure one case: both implementations track in turns, so that whatever else the machine does hits both alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from sam2s_model.benchmark.case import Case
from sam2s_model.benchmark.contestants import FULL_MEMORY, Contestant, Ours, Reference
from sam2s_model.benchmark.foreign_cpu import ForeignCpu
from sam2s_model.benchmark.frames import drifting_frames
from sam2s_model.benchmark.stopwatch import Stopwatch, Timing
from sam2s_model.benchmark.transformers_peer import SIZE, Transformers
from sam2s_model.masklet import Frame


@dataclass(frozen=True)
class Row:
    """What one case took, in ms a frame; medians.

    Attributes:
        ours, reference: Wall-clock time, computing time of the process and stages; no reference for `lite`.
        rounds: Frames of each that were timed.
        transformers: The same of the package `transformers`, where it takes part.
        foreign_cpu: Cores that other processes kept busy meanwhile; above 0.15 wall-clock times mean little.
    """

    case: Case
    ours: Timing
    reference: Timing | None
    rounds: int
    foreign_cpu: float | None
    transformers: Timing | None = None


def measure(case: Case, rounds: int, device: torch.device, with_transformers: bool = False) -> Row:
    """Measure a case, once the memory of all is full and one further frame has warmed them up."""
    frames = drifting_frames(case.image_size, FULL_MEMORY + rounds + 3)
    ours, reference = _contestants(case, frames, device)
    third = _third(case, frames, device) if with_transformers and case.model == SIZE else None
    contestants: list[Contestant] = [one for one in (ours, reference, third) if one is not None]
    watches = [Stopwatch(contestant.network, device) for contestant in contestants]
    for contestant in contestants:
        contestant.step()
    foreign = ForeignCpu()
    timings: list[list[Timing]] = [[] for _ in contestants]
    for _ in range(rounds):
        for contestant, watch, of_contestant in zip(contestants, watches, timings, strict=True):
            of_contestant.append(watch.time(contestant.step))
    of_ours, *others = [_median(of_contestant) for of_contestant in timings]
    of_third = others.pop() if third else None
    return Row(case, of_ours, others[0] if others else None, rounds, foreign.cores(), of_third)


def _third(case: Case, frames: Sequence[Frame], device: torch.device) -> Transformers:
    transformers = Transformers(case, device)
    transformers.begin(frames, FULL_MEMORY)
    return transformers


def _contestants(case: Case, frames: Sequence[Frame], device: torch.device) -> tuple[Ours, Reference | None]:
    if not case.has_reference:
        return Ours(case, frames, device), None
    reference = Reference(case, device)
    reference.begin(frames)
    return Ours(case, frames, device, reference.network.state_dict()), reference


def _median(timings: Sequence[Timing]) -> Timing:
    names = timings[0].stages_ms
    return Timing(
        median(timing.wall_ms for timing in timings),
        median(timing.cpu_ms for timing in timings),
        {name: median(timing.stages_ms[name] for timing in timings) for name in names},
    )

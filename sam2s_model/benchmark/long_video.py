"""What a long video costs at its end: memory of the process, and time per frame, each in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from sam2s_model.benchmark.case import Case
from sam2s_model.benchmark.contestants import FULL_MEMORY, Contestant, Ours, Reference
from sam2s_model.benchmark.frames import drifting_frames

WINDOW = 20  # frames at either end whose median time is compared
SAMPLES = 30  # between the two ends, for the plot
MEGABYTE = 1e6
STATM, STATUS = Path('/proc/self/statm'), Path('/proc/self/status')
CPU = torch.device('cpu')
SMALL = Case('tiny', 128, 'float32', 4)  # length shows at any size, and a small one gets there


@dataclass(frozen=True)
class Sample:
    """What the process cost around one frame: median computing time of `WINDOW` frames, and resident memory."""

    frame: int
    cpu_ms: float
    resident_mb: float


@dataclass(frozen=True)
class LongVideo:
    """One implementation over many frames.

    Attributes:
        frames: Where memory and time were taken first and last.
        growth_mb: Resident memory at the last frame beyond that at the first.
        growth_mb_per_100: The same, for each 100 frames.
        time_ratio: Computing time of a frame at the end, divided by that at the beginning; medians of `WINDOW`.
        peak_mb: Most resident memory of the process.
        samples: How it went on between the two, a few of them.
    """

    frames: tuple[int, int]
    growth_mb: float
    growth_mb_per_100: float
    time_ratio: float
    peak_mb: float
    samples: tuple[Sample, ...] = ()


def watch_long_video(first: int, last: int, of_reference: bool = False) -> LongVideo:
    """Track to frame `last` in a fresh process; memory and time count from frame `first` on."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(_watch, (first, last, of_reference))


def _watch(first: int, last: int, of_reference: bool) -> LongVideo:
    torch.set_num_threads(1)  # computing time of one thread does not depend on what else runs
    contestant = _reference(last) if of_reference else Ours(SMALL, drifting_frames(SMALL.image_size, 16), CPU)
    marks = {first + (last - first) * n // SAMPLES for n in range(SAMPLES + 1)}
    seconds, resident = [0.0] * (last + 1), {}
    for number in range(FULL_MEMORY + 1, last + 1):
        begun = time.process_time()
        contestant.step()
        seconds[number] = time.process_time() - begun
        if number in marks:
            gc.collect()
            resident[number] = _resident_mb()
    growth = resident[last] - resident[first]
    slower = median(seconds[1 + last - WINDOW :]) / median(seconds[first : first + WINDOW])
    samples = tuple(
        Sample(mark, median(seconds[max(first, mark - WINDOW) : mark + 1]) * 1e3, resident[mark])
        for mark in sorted(marks)
    )
    return LongVideo((first, last), growth, growth * 100 / (last - first), slower, _peak_mb(), samples)


def _reference(last: int) -> Contestant:
    reference = Reference(SMALL, CPU)
    reference.begin(drifting_frames(SMALL.image_size, last + 1))
    return reference


def _resident_mb() -> float:
    """Resident memory of this process (Linux)."""
    pages = int(STATM.read_text().split()[1])
    return pages * resource.getpagesize() / MEGABYTE


def _peak_mb() -> float:
    """Most resident memory of this process so far (Linux); `getrusage` would count that of its parent, too."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith('VmHWM:')]
    return int(line.split()[1]) * 1024 / MEGABYTE

"""A long video costs no more memory and no more time at its end than at its beginning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt, Tracker
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s

SIDE = 64
LENGTH = 10_000
MOST_GROWTH = 20e6  # bytes from frame 1,000 to the end
MOST_SLOWING = 1.05  # median of the last thousand frames to that of the second thousand


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.endurance
def test_ten_thousand_frames_with_three_objects(nano: Callable[..., Sam2s], one_thread: None) -> None:
    process = pytest.importorskip('psutil').Process()
    # Every frame is a candidate, so that long-term memory turns over all the time.
    tracker = Tracker(nano(SIDE), torch.device('cpu'), MemorySettings(candidate_interval=0.0, min_iou=-1.0))
    images = np.random.default_rng(0).integers(0, 256, (16, SIDE, SIDE, 3), np.uint8)
    first = Frame(images[0], 0)
    tracker.prompt(first, 'a', BoxPrompt((4, 4, 40, 50)))
    tracker.prompt(first, 'b', PointPrompt(((50, 50),), (1,)))
    tracker.prompt(first, 'c', MaskPrompt(np.eye(SIDE, dtype=bool)))
    seconds, memory = np.zeros(LENGTH + 1), {}
    for number in range(1, LENGTH + 1):
        frame = Frame(images[number % len(images)], number * 40_000_000)
        begun = time.thread_time()  # of this thread alone: other programs may run beside
        tracker.step(frame)
        seconds[number] = time.thread_time() - begun
        if number in (1000, LENGTH):
            memory[number] = process.memory_info().rss
    assert memory[LENGTH] - memory[1000] < MOST_GROWTH
    assert np.median(seconds[-1000:]) / np.median(seconds[1000:2000]) <= MOST_SLOWING

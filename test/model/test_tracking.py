"""Tracking with Sam2s: objects apart, results in order, and SAM 2 until DiveMem speaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from sam2s_model import BoxPrompt, Frame, PointPrompt, Tracker
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s

SIDE = 64
FRAME_NS = 40_000_000
CPU = torch.device('cpu')
BOX = BoxPrompt((4, 6, 20, 30))


def click(x: float, y: float, label: int = 1) -> PointPrompt:
    return PointPrompt(((x, y),), (label,))


def noise(count: int) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), t * FRAME_NS) for t in range(count)]


@pytest.fixture
def sam2s(nano: Callable[..., Sam2s]) -> Sam2s:
    return nano(SIDE)


def logits_of(tracker: Tracker, object_id: str) -> Tensor:
    newest = tracker._tracks[object_id].newest
    assert newest is not None
    return newest.mask_logits


def test_objects_do_not_influence_each_other(sam2s: Sam2s) -> None:
    frames = noise(6)
    alone, together = Tracker(sam2s, CPU), Tracker(sam2s, CPU)
    for tracker in (alone, together):
        tracker.prompt(frames[0], 'a', BOX)
    together.prompt(frames[0], 'b', click(50, 50))
    for number in range(1, 6):
        for tracker in (alone, together):
            tracker.step(frames[number])
        if number == 2:
            together.prompt(frames[number], 'c', click(5, 5))
        torch.testing.assert_close(logits_of(together, 'a'), logits_of(alone, 'a'), rtol=0, atol=1e-3)


def test_a_prompt_changes_no_result_before_it(sam2s: Sam2s) -> None:
    frames = noise(4)
    results = []
    for corrected in (False, True):
        tracker = Tracker(sam2s, CPU)
        results.append([tracker.prompt(frames[0], 'a', BOX), tracker.step(frames[1]), tracker.step(frames[2])])
        if corrected:
            tracker.prompt(frames[2], 'a', click(5, 5, label=0))
        results[-1].append(tracker.step(frames[3]))
    same = [np.array_equal(a['a'].mask, b['a'].mask) for a, b in zip(*results, strict=True)]
    assert same == [True, True, True, False]


def test_until_divemem_finds_a_frame_the_tracker_is_that_of_sam_2(sam2s: Sam2s) -> None:
    frames = noise(8)
    with torch.no_grad():
        sam2s.divemem.long_tpos.fill_(torch.nan)
    trackers = [Tracker(sam2s, CPU, MemorySettings(min_iou=1.0)), Tracker(sam2s, CPU, MemorySettings(long_term=0))]
    for tracker in trackers:
        tracker.prompt(frames[0], 'a', BOX)
    for number in range(1, 8):
        for tracker in trackers:
            tracker.step(frames[number])
        assert torch.equal(logits_of(trackers[0], 'a'), logits_of(trackers[1], 'a'))

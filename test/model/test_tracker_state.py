"""A tracker that restores what another has saved goes on exactly like it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from sam2s_model import BoxPrompt, Frame, FrameResult, PointPrompt, Tracker, build_tracker
from sam2s_model.frame_memory import FrameMemory
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s
from sam2s_model.tracker_state import FORM, BadTrackerState, pack, unpack

CPU = torch.device('cpu')
EAGER = MemorySettings(candidate_interval=0.0, min_iou=-1.0, buffer_size=2)  # long-term memory fills at once


def noise(count: int, side: int = 64) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(rng.integers(0, 256, (side, side, 3), np.uint8), t * 40_000_000) for t in range(count)]


def begin(tracker: Tracker, frames: list[Frame]) -> None:
    """Two objects, one of them corrected on the last frame so that a prompt still waits to be remembered."""
    tracker.prompt(frames[0], 'a', BoxPrompt((4, 6, 40, 50)))
    tracker.prompt(frames[0], 'b', PointPrompt(((30, 40),), (1,)))
    for frame in frames[1:]:
        tracker.step(frame)
    tracker.prompt(frames[-1], 'a', PointPrompt(((20, 20),), (1,)))


def go_on(tracker: Tracker, frames: list[Frame]) -> list[FrameResult]:
    """Frames, and more clicks on the one where the tracker was saved."""
    results = [tracker.prompt(frames[0], 'a', PointPrompt(((30, 20),), (0,)))]
    return results + [tracker.step(frame) for frame in frames[1:]]


def said(results: list[FrameResult]) -> list[object]:
    return [(r.frame_index, o.object_id, o.mask.tobytes(), o.score, o.presence) for r in results for o in r.objects]


def check(build: Callable[[], Tracker]) -> None:
    frames = noise(14)
    first, second = build(), build()
    begin(first, frames[:9])
    second.restore(first.saved())
    assert said(go_on(second, frames[8:])) == said(go_on(first, frames[8:]))


def test_that_an_object_was_away_is_saved() -> None:
    def memory(index: int, present: bool) -> FrameMemory[str]:
        return FrameMemory(index, index, 0.9, present, torch.tensor([1.0, float(index)]), '')

    saved: list[MemoryBank[str]] = [MemoryBank(EAGER) for _ in range(2)]
    for bank, present in zip(saved, (False, True), strict=True):
        bank.add_conditioning(memory(0, present=True))
        bank.add_tracked(memory(1, present))
    assert [restored.has_been_away for restored in unpack(pack(saved), CPU)] == [True, False]


def test_a_restored_sam2_goes_on_to_the_last_bit(nano: Callable[..., Sam2s]) -> None:
    network = nano(64)
    check(lambda: Tracker(network, CPU, EAGER))


def test_the_restored_shipped_size_goes_on_to_the_last_bit() -> None:
    check(lambda: build_tracker(image_size=64, device='cpu', threads=1, memory=EAGER))


def test_saving_changes_nothing(nano: Callable[..., Sam2s]) -> None:
    tracker = Tracker(nano(64), CPU, EAGER)
    begin(tracker, noise(5))
    assert tracker.saved() == tracker.saved()


def test_a_tracker_that_has_seen_nothing_can_be_restored(nano: Callable[..., Sam2s]) -> None:
    network = nano(64)
    tracker = Tracker(network, CPU)
    tracker.prompt(noise(1)[0], 'a', BoxPrompt((4, 6, 40, 50)))
    tracker.restore(Tracker(network, CPU).saved())
    assert tracker.object_ids == ()


def test_a_tensor_lies_in_memory_as_before() -> None:
    tensor = torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1)
    read = unpack(pack([tensor]), CPU)[0]
    assert torch.equal(read, tensor)
    assert read.stride() == tensor.stride()


def test_what_is_shared_is_written_once() -> None:
    tensor = torch.zeros(1000)
    assert len(pack([tensor] * 10)) < 2 * len(pack([tensor]))


@pytest.mark.parametrize('data', [b'', b'no state', b'\xff' * 100])
def test_other_bytes_are_refused_and_change_nothing(nano: Callable[..., Sam2s], data: bytes) -> None:
    tracker = Tracker(nano(64), CPU)
    tracker.prompt(noise(1)[0], 'a', BoxPrompt((4, 6, 40, 50)))
    with pytest.raises(BadTrackerState, match=FORM):
        tracker.restore(data)
    assert tracker.object_ids == ('a',)


def test_a_value_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(TypeError, match='came PosixPath; add it there'):
        pack([Path('/')])

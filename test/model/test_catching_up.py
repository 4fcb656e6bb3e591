"""A prompt on a frame that has passed: its object is tracked again up to now, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from noting_network import BOX, MASK, NotingNetwork, click, contents, frame

from sam2s_model import BoxPrompt, Frame, FrameNotTracked, MaskPrompt, Tracker, UnknownObject, build_tracker
from sam2s_model.frame_memory import Role
from sam2s_model.memory_settings import PAPER, MemorySettings
from sam2s_model.sam2s import Sam2s

CPU = torch.device('cpu')
EAGER = MemorySettings(
    candidate_interval=0.0, min_iou=-1.0, buffer_size=2
)  # long-term memory fills within a few frames
SAM2 = MemorySettings(long_term=0)
SIDE = 64


@pytest.fixture
def network() -> NotingNetwork:
    return NotingNetwork()


@pytest.fixture
def tracker(network: NotingNetwork) -> Tracker:
    return Tracker(network, CPU, PAPER)


def noise(count: int, side: int = SIDE) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(rng.integers(0, 256, (side, side, 3), np.uint8), t * 40_000_000) for t in range(count)]


def logits_of(tracker: Tracker, object_id: str) -> torch.Tensor:
    newest = tracker._tracks[object_id].newest
    assert newest is not None
    return newest.mask_logits


def test_an_object_that_was_caught_up_is_where_a_prompt_in_time_would_have_it(nano: Callable[..., Sam2s]) -> None:
    network, frames = nano(SIDE), noise(10)
    in_time, late = Tracker(network, CPU, EAGER), Tracker(network, CPU, EAGER)
    in_time.prompt(frames[0], 'a', BoxPrompt((4, 6, 40, 50)))
    late.step(frames[0])
    for passed in frames[1:8]:
        in_time.step(passed)
        late.step(passed)
    late.prompt(frames[0], 'a', BoxPrompt((4, 6, 40, 50)))
    for passed in frames[1:8]:
        result = late.catch_up(passed, ['a'])
    assert result.frame_index == 7
    for number in (8, 9):
        assert torch.equal(logits_of(late, 'a'), logits_of(in_time, 'a'))
        for tracker in (in_time, late):
            tracker.step(frames[number])


def test_the_shipped_network_catches_up_exactly() -> None:
    frames, mask = noise(5, 128), MaskPrompt(np.pad(np.ones((40, 50), bool), ((30, 58), (20, 58))))
    in_time, late = (build_tracker(device='cpu', image_size=128) for _ in range(2))
    in_time.prompt(frames[0], 'a', mask)
    late.step(frames[0])
    for passed in frames[1:]:
        in_time.step(passed)
        late.step(passed)
    late.prompt(frames[0], 'a', mask)
    for passed in frames[1:]:
        late.catch_up(passed, ['a'])
    assert torch.equal(logits_of(late, 'a'), logits_of(in_time, 'a'))


def test_a_correction_that_was_caught_up_is_as_good_as_one_in_time(nano: Callable[..., Sam2s]) -> None:
    network, frames, correction = nano(SIDE), noise(9), click(10, 10, label=0)
    in_time, late = Tracker(network, CPU, SAM2), Tracker(network, CPU, SAM2)
    for tracker in (in_time, late):
        tracker.prompt(frames[0], 'a', BoxPrompt((4, 6, 40, 50)))
        for passed in frames[1:4]:
            tracker.step(passed)
    in_time.prompt(frames[3], 'a', correction)
    for passed in frames[4:]:
        in_time.step(passed)
        late.step(passed)
    uncorrected = logits_of(late, 'a')
    late.prompt(frames[3], 'a', correction)
    for passed in frames[4:]:
        late.catch_up(passed, ['a'])
    assert torch.equal(logits_of(late, 'a'), logits_of(in_time, 'a'))
    assert not torch.equal(logits_of(late, 'a'), uncorrected)


def test_what_was_tracked_since_a_late_prompt_is_forgotten(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    for number in range(1, 14):
        tracker.step(frame(number))
    bank = tracker._tracks['a'].bank
    assert [memory.index for memory in bank.long_term] == [1, 6]
    tracker.prompt(frame(5), 'a', click())
    tracker.catch_up(frame(13), ['a'])
    assert [memory.index for memory in bank.long_term] == [1]
    assert [slot.memory.index for slot in bank.recall(14).frames] == [0, 5, 13, 1]


def test_some_of_the_frames_are_enough_to_catch_up(tracker: Tracker, network: NotingNetwork) -> None:
    for number in range(9):
        tracker.step(frame(number))
    tracker.prompt(frame(0), 'a', BOX)
    for number in (4, 8):
        tracker.catch_up(frame(number), ['a'])
    tracker.step(frame(9))
    (recall,) = network.asked[-1].recalls
    assert contents(recall, Role.CONDITIONING) == ['prompted 0']
    assert contents(recall, Role.SHORT_TERM) == ['tracked 4', 'tracked 8']


def test_catching_up_touches_no_other_object(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'b', BOX)
    for number in range(1, 5):
        tracker.step(frame(number))
    before = tracker._tracks['b'].bank.recall(5)
    tracker.prompt(frame(2), 'a', BOX)
    network.asked.clear()
    results = [tracker.catch_up(frame(number), ['a']) for number in (3, 4)]
    assert [len(asked.recalls) for asked in network.asked] == [1, 1]
    assert tracker._tracks['b'].bank.recall(5) == before
    assert [[seen.object_id for seen in result.objects] for result in results] == [['a'], ['b', 'a']]


def test_objects_that_are_caught_up_together_share_the_frames(tracker: Tracker, network: NotingNetwork) -> None:
    for number in range(4):
        tracker.step(frame(number))
    for name in 'ab':
        tracker.prompt(frame(0), name, BOX)
    network.encoded.clear()
    network.asked.clear()
    for number in range(1, 4):
        tracker.catch_up(frame(number), ['a', 'b', 'a'])
    assert network.encoded == [1, 2, 3]
    assert [len(asked.recalls) for asked in network.asked] == [2, 2, 2]


def test_what_a_person_said_of_a_frame_is_not_tracked_over(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    for number in range(1, 5):
        tracker.step(frame(number))
    tracker.prompt(frame(4), 'a', MASK)
    tracker.prompt(frame(2), 'a', click())
    network.asked.clear()
    results = [tracker.catch_up(frame(number), ['a']) for number in (3, 4)]
    assert [asked.frame for asked in network.asked] == [3]
    assert results[-1]['a'].mask.any()
    tracker.step(frame(5))
    (recall,) = network.asked[-1].recalls
    assert contents(recall, Role.CONDITIONING) == ['prompted 0', 'prompted 2', 'prompted 4']
    assert contents(recall, Role.SHORT_TERM) == ['tracked 1', 'tracked 3']


def test_only_tracked_frames_can_be_caught_up(tracker: Tracker) -> None:
    with pytest.raises(FrameNotTracked, match='stamps none, came 40000000 ns'):
        tracker.catch_up(frame(1), [])
    tracker.prompt(frame(1), 'a', BOX)
    tracker.step(frame(3))
    for number in (2, 4):
        with pytest.raises(FrameNotTracked, match=f'stamps 40000000 to 120000000 ns, came {number * 40_000_000} ns'):
            tracker.catch_up(frame(number), ['a'])


def test_an_unknown_object_cannot_be_caught_up(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    with pytest.raises(UnknownObject, match="no object 'b'; tracked are \\['a'\\]"):
        tracker.catch_up(frame(0), ['a', 'b'])

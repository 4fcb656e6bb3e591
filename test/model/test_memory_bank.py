"""The memory bank recalls the frames that SAM 2 and SAM2S would, and no more of them with time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sam2s_model.frame_memory import FrameMemory, Recall, Role
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import PAPER, SAM2, MemorySettings

FRAME_NS = 40_000_000


def memory(index: int, iou: float = 0.5, content: str = '') -> FrameMemory[str]:
    return FrameMemory(index, index * FRAME_NS, iou, True, torch.tensor([1.0, float(index)]), content)


def bank_after(*frames: int, prompted: tuple[int, ...] = (0,), settings: MemorySettings = SAM2) -> MemoryBank[str]:
    """A bank that has seen frames in this order."""
    bank: MemoryBank[str] = MemoryBank(settings)
    for index in frames:
        if index in prompted:
            bank.add_conditioning(memory(index))
        else:
            bank.add_tracked(memory(index))
    return bank


def indices(recall: Recall[str], role: Role) -> list[int]:
    return [slot.memory.index for slot in recall.frames if slot.role is role]


def ranks(recall: Recall[str]) -> dict[int, int]:
    return {slot.memory.index: slot.rank for slot in recall.frames if slot.role is Role.SHORT_TERM}


def pointers(recall: Recall[str]) -> list[int]:
    return [slot.memory.index for slot in recall.pointers]


def test_a_new_object_remembers_its_prompted_frame() -> None:
    recall = bank_after(3, prompted=(3,)).recall(4)
    assert [(slot.role, slot.distance) for slot in recall.frames] == [(Role.CONDITIONING, 1)]
    assert pointers(recall) == [3]


def test_short_term_memory_is_the_six_frames_before() -> None:
    recall = bank_after(*range(12)).recall(12)
    assert ranks(recall) == {11: 1, 10: 2, 9: 3, 8: 4, 7: 5, 6: 6}
    assert indices(recall, Role.SHORT_TERM) == [6, 7, 8, 9, 10, 11]


def test_a_prompted_frame_leaves_a_gap_among_the_six() -> None:
    recall = bank_after(*range(12), prompted=(0, 9)).recall(12)
    assert ranks(recall) == {11: 1, 10: 2, 8: 4, 7: 5, 6: 6}
    assert indices(recall, Role.CONDITIONING) == [0, 9]


def test_pointers_reach_fifteen_frames_back_and_to_every_prompted_frame() -> None:
    assert pointers(bank_after(*range(30)).recall(30)) == [0, *range(29, 14, -1)]


def test_a_later_prompted_frame_lends_its_memory_but_no_pointer() -> None:
    recall = bank_after(*range(10), prompted=(0, 8)).recall(6)
    assert indices(recall, Role.CONDITIONING) == [0, 8]
    assert pointers(recall) == [0, 5, 4, 3, 2, 1]


def test_frames_after_the_recalled_one_are_not_short_term() -> None:
    assert ranks(bank_after(*range(12)).recall(8)) == {7: 1, 6: 2, 5: 3, 4: 4, 3: 5, 2: 6}


def test_a_prompt_replaces_what_was_tracked_on_its_frame() -> None:
    bank = bank_after(*range(5))
    bank.add_conditioning(memory(4, content='corrected'))
    assert ranks(bank.recall(5)) == {3: 2, 2: 3, 1: 4}
    found = bank.find(4)
    assert found is not None
    assert found.content == 'corrected'


def test_a_second_prompt_on_a_frame_replaces_the_first() -> None:
    bank = bank_after(0, 1)
    bank.add_conditioning(memory(0, content='again'))
    assert [slot.memory.content for slot in bank.recall(2).frames if slot.role is Role.CONDITIONING] == ['again']


def test_the_first_and_the_newest_of_too_many_prompted_frames_stay() -> None:
    bank = bank_after(*range(20), prompted=(0, 5, 10, 15), settings=replace(SAM2, conditioning=3))
    assert indices(bank.recall(20), Role.CONDITIONING) == [0, 10, 15]
    bank.add_conditioning(memory(2))
    assert indices(bank.recall(20), Role.CONDITIONING) == [0, 2, 15]


def test_with_a_stride_the_previous_frame_stays_and_the_others_are_further_apart() -> None:
    settings = replace(SAM2, short_stride=3 * FRAME_NS / 1e9)
    assert ranks(bank_after(*range(30), settings=settings).recall(29)) == {28: 1, 27: 2, 24: 3, 21: 4, 18: 5, 15: 6}
    assert ranks(bank_after(*range(30), settings=settings).recall(28)) == {27: 1, 24: 2, 21: 3, 18: 4, 15: 5, 12: 6}


@pytest.mark.parametrize('rate', [25, 60])
def test_a_stride_of_a_second_spans_five_seconds_at_any_rate(rate: int) -> None:
    bank: MemoryBank[str] = MemoryBank(replace(SAM2, short_stride=1.0))
    bank.add_conditioning(memory(0))
    for index in range(1, 10 * rate):
        bank.add_tracked(replace(memory(index), stamp_ns=index * 1_000_000_000 // rate))
    newest = 10 * rate
    assert list(ranks(bank.recall(newest))) == [*(s * rate for s in range(5, 10)), newest - 1]


def long_term_bank(settings: MemorySettings = PAPER) -> MemoryBank[str]:
    bank = bank_after(*range(31), settings=settings)
    for index in (3, 12, 28):
        bank.add_long_term(memory(index))
    return bank


def test_long_term_frames_come_from_old_to_new_once_they_are_not_short_term() -> None:
    recall = long_term_bank().recall(31)
    assert [(s.memory.index, s.rank) for s in recall.frames if s.role is Role.LONG_TERM] == [(3, 0), (12, 1)]


@pytest.mark.parametrize(('lends', 'expected'), [(False, []), (True, [3, 12])])
def test_long_term_frames_lend_pointers_when_asked_to(lends: bool, expected: list[int]) -> None:
    recall = long_term_bank(replace(PAPER, long_pointers=lends)).recall(31)
    assert [slot.memory.index for slot in recall.pointers if slot.role is Role.LONG_TERM] == expected


def test_a_corrected_frame_leaves_long_term_memory() -> None:
    bank = long_term_bank()
    bank.add_conditioning(memory(12))
    assert [m.index for m in bank.long_term] == [3, 28]


def test_short_term_frames_of_given_ages_are_spread_out() -> None:
    settings = MemorySettings(short_ages=(1, 2, 4, 7), pointer_frames=0, short_term=1)
    bank = bank_after(*range(30), prompted=(0, 26), settings=settings)
    assert indices(bank.recall(30), Role.SHORT_TERM) == [23, 28, 29]
    assert indices(bank.recall(30), Role.CONDITIONING) == [0, 26]


def test_reading_changes_nothing() -> None:
    bank = long_term_bank()
    assert bank.recall(31) == bank.recall(31)


def test_the_bank_does_not_grow_with_the_video() -> None:
    bank = bank_after(0, settings=PAPER)
    sizes = []
    for index in range(1, 1001):
        bank.add_tracked(memory(index, iou=0.99))
        kept = sum(bank.find(i) is not None for i in range(index + 1))
        sizes.append((kept, len(bank.long_term), len(bank.recall(index + 1).pointers)))
    assert set(sizes[50:]) == {(1 + 15, 4, 1 + 15)}

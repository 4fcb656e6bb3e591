"""DiveMem keeps the frames that Eq. 2 of the SAM2S paper keeps, whatever the stream."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2s_model.frame_memory import FrameMemory
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_settings import PAPER, MemorySettings

DELTA, GAMMA, CAPACITY = 5, 0.95, 4
TIE = 1e-6  # cosines that are closer are equal but for rounding


@dataclass(frozen=True)
class Observation:
    """What a tracked frame tells DiveMem."""

    seconds: float
    present: bool
    iou: float
    embedding: tuple[float, ...]


def cosine(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def plain_divemem(
    initial: tuple[float, ...], stream: list[Observation], interval: float, preferred: list[int]
) -> list[int]:
    """SAM2S section 3 in the plainest words: the frames chosen in a stream whose frame 0 was prompted.

    Several frames may be equally unlike, which rounding decides; `preferred` frames then win.
    """
    chosen: list[int] = []
    buffer: list[int] = []
    last_taken: float | None = None
    for number, frame in enumerate(stream, start=1):
        if not (frame.present and frame.iou > GAMMA):
            buffer, last_taken = [], None
        elif last_taken is None or frame.seconds - last_taken >= interval:
            buffer.append(number)
            last_taken = frame.seconds
        if len(buffer) == DELTA:
            newest = stream[chosen[-1] - 1].embedding if chosen else initial
            similarities = [cosine(stream[b - 1].embedding, newest) for b in buffer]
            least = [b for b, cos in zip(buffer, similarities, strict=True) if cos < min(similarities) + TIE]
            chosen.append(next((b for b in least if b in preferred), least[0]))
            buffer = []
    return chosen


# Of small integers, so that two cosines are equal or differ by far more than a rounding error.
embeddings = st.tuples(*[st.integers(1, 9).map(float)] * 3)
observations = st.builds(
    Observation,
    seconds=st.just(0.0),
    present=st.sampled_from([True] * 9 + [False]),
    iou=st.sampled_from([0.951, 0.97, 1.0] * 5 + [0.95, 0.2]),
    embedding=embeddings,
)


def on_the_clock(stream: list[Observation], seconds_per_frame: float) -> list[Observation]:
    return [replace(frame, seconds=number * seconds_per_frame) for number, frame in enumerate(stream, start=1)]


def memory_of(index: int, frame: Observation) -> FrameMemory[str]:
    stamp = round(frame.seconds * 1e9)
    return FrameMemory(index, stamp, frame.iou, frame.present, torch.tensor(frame.embedding), f'frame {index}')


def choices_of(initial: tuple[float, ...], stream: list[Observation], chosen: MemorySettings) -> list[int]:
    """All frames that were ever chosen, in order."""
    bank: MemoryBank[str] = MemoryBank(chosen)
    bank.add_conditioning(memory_of(0, Observation(0.0, True, 1.0, initial)))
    choices: list[int] = []
    for index, frame in enumerate(stream, start=1):
        bank.add_tracked(memory_of(index, frame))
        newest = [memory.index for memory in bank.long_term[-1:]]
        if newest != choices[-1:]:
            choices += newest
    assert [memory.index for memory in bank.long_term] == choices[-CAPACITY:]
    return choices


def long_term_of(initial: tuple[float, ...], stream: list[Observation], chosen: MemorySettings) -> list[int]:
    bank: MemoryBank[str] = MemoryBank(chosen)
    bank.add_conditioning(memory_of(0, Observation(0.0, True, 1.0, initial)))
    for index, frame in enumerate(stream, start=1):
        bank.add_tracked(memory_of(index, frame))
    return [memory.index for memory in bank.long_term]


@settings(max_examples=150, deadline=None)
@given(initial=embeddings, stream=st.lists(observations, min_size=5, max_size=80))
def test_every_frame_a_step_as_in_the_paper(initial: tuple[float, ...], stream: list[Observation]) -> None:
    stream = on_the_clock(stream, 0.04)
    choices = choices_of(initial, stream, PAPER)
    assert choices == plain_divemem(initial, stream, 0.0, preferred=choices)


@settings(max_examples=100, deadline=None)
@given(
    initial=embeddings,
    stream=st.lists(observations, min_size=20, max_size=120),
    rate=st.sampled_from([5, 25, 60]),
    interval=st.sampled_from([0.1, 0.25]),
)
def test_candidates_some_time_apart(
    initial: tuple[float, ...], stream: list[Observation], rate: int, interval: float
) -> None:
    stream = on_the_clock(stream, 1 / rate)
    choices = choices_of(initial, stream, MemorySettings(candidate_interval=interval))
    assert choices == plain_divemem(initial, stream, interval - 1e-9, preferred=choices)


STEADY = [Observation(float(t), True, 0.99, (1.0, float(t))) for t in range(1, 40)]


def test_the_first_choice_is_the_frame_least_like_the_prompted_one() -> None:
    unlike = [*STEADY[:2], Observation(3.0, True, 0.99, (-1.0, 0.0)), *STEADY[3:5]]
    assert long_term_of((1.0, 0.0), unlike, PAPER) == [3]


def test_later_choices_compare_with_the_newest_choice() -> None:
    x, y = (1.0, 0.0), (0.0, 1.0)
    stream = [Observation(float(t), True, 0.99, e) for t, e in enumerate([x, x, y, x, x, y, y, x, y, y], start=1)]
    assert long_term_of(x, stream, PAPER) == [3, 8]


@pytest.mark.parametrize('failure', [{'present': False}, {'iou': 0.95}], ids=['absent', 'not above 0.95'])
def test_a_frame_that_fails_empties_the_buffer(failure: dict[str, float]) -> None:
    stream = [*STEADY[:4], replace(STEADY[4], **failure), *STEADY[5:9]]
    assert long_term_of((1.0, 0.0), stream, PAPER) == []
    assert len(long_term_of((1.0, 0.0), [*stream, STEADY[9]], PAPER)) == 1


def test_a_frame_that_fails_may_be_passed_over_instead() -> None:
    stream = [*STEADY[:4], replace(STEADY[4], present=False), STEADY[5]]
    assert len(long_term_of((1.0, 0.0), stream, replace(PAPER, consecutive=False))) == 1


def test_nothing_is_chosen_after_an_absence_until_a_prompt_where_that_is_wanted() -> None:
    lost = [*STEADY[:5], replace(STEADY[5], present=False), *STEADY[6:]]
    assert len(long_term_of((1.0, 0.0), lost, PAPER)) == CAPACITY
    assert len(long_term_of((1.0, 0.0), lost, replace(PAPER, until_absent=True))) == 1

    bank: MemoryBank[str] = MemoryBank(replace(PAPER, until_absent=True))
    bank.add_conditioning(memory_of(0, STEADY[0]))
    for index, frame in enumerate(lost[:15], start=1):
        bank.add_tracked(memory_of(index, frame))
    bank.add_conditioning(memory_of(16, STEADY[15]))
    for index, frame in enumerate(STEADY[16 : 16 + DELTA], start=17):
        bank.add_tracked(memory_of(index, frame))
    assert [m.index >= 17 for m in bank.long_term] == [False, True]


def test_an_absence_that_is_tracked_again_does_not_count() -> None:
    bank: MemoryBank[str] = MemoryBank(replace(PAPER, until_absent=True))
    bank.add_conditioning(memory_of(0, STEADY[0]))
    bank.add_tracked(memory_of(1, replace(STEADY[0], present=False)))
    bank.forget_tracked(1)
    for index, frame in enumerate(STEADY[:DELTA], start=1):
        bank.add_tracked(memory_of(index, frame))
    assert len(bank.long_term) == 1


def test_the_oldest_of_four_long_term_frames_makes_room() -> None:
    chosen = long_term_of((1.0, 0.0), STEADY[:25], PAPER)
    assert len(chosen) == CAPACITY
    assert chosen[0] > DELTA


def test_the_initial_memory_may_count_as_one_of_the_four() -> None:
    assert len(long_term_of((1.0, 0.0), STEADY, replace(PAPER, initial_counts=True))) == CAPACITY - 1


def test_a_capacity_of_nothing_is_sam_2() -> None:
    assert long_term_of((1.0, 0.0), STEADY, replace(PAPER, long_term=0)) == []


def test_at_25_frames_a_second_candidates_are_a_second_apart() -> None:
    stream = [Observation(t / 25, True, 0.99, (1.0, float(t))) for t in range(1, 126)]
    assert long_term_of((1.0, 0.0), stream[:100], MemorySettings()) == []
    assert long_term_of((1.0, 0.0), stream, MemorySettings()) == [101]


def test_a_corrected_frame_is_no_candidate_any_more() -> None:
    bank: MemoryBank[str] = MemoryBank(PAPER)
    bank.add_conditioning(memory_of(0, Observation(0.0, True, 1.0, (1.0, 0.0))))
    for index, frame in enumerate(STEADY[:4], start=1):
        bank.add_tracked(memory_of(index, frame))
    bank.add_conditioning(memory_of(4, STEADY[3]))
    bank.add_tracked(memory_of(5, STEADY[4]))
    assert bank.long_term == ()

"""The network gets as many threads as others leave cores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sam2s_model import used_threads
from sam2s_ros import free_cores
from sam2s_ros.free_cores import FreeCores


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads were asked for, one after the other; there are four, and looking costs no time."""
    asked: list[int] = []
    monkeypatch.setattr(free_cores, 'use_threads', asked.append)
    monkeypatch.setattr(free_cores, 'used_threads', lambda: 4)
    monkeypatch.setattr(free_cores, 'LOOK_EVERY_S', 0.0)
    monkeypatch.setattr(free_cores, 'FIRST_LOOK_AFTER_S', 0.0)
    return asked


def after(*foreign: float | None) -> list[str]:
    """Follow these many cores that others keep busy, of four; what was told."""
    readings = iter([*foreign, None])
    told: list[str] = []

    def measure() -> Any:
        reading = next(readings)
        return SimpleNamespace(cores=lambda: reading)

    cores = FreeCores(told.append, 4, measure)
    for _ in foreign:
        cores.follow()
    return told


@pytest.mark.parametrize(
    ('foreign', 'expected'),
    [
        ((0.1, 0.5), []),
        ((1.0,), [3]),
        ((3.4,), [1]),
        ((9.0,), [1]),  # a container sees the whole machine
        ((2.0, 0.0), [2, 4]),
        ((0.7, 0.4, 0.7, 0.4), [3]),  # flicker at the limit
        ((None, None), []),
    ],
)
def test_threads_follow_the_cores_that_are_free(
    threads: list[int], foreign: tuple[float | None, ...], expected: list[int]
) -> None:
    told = after(*foreign)
    assert threads == expected
    assert len(told) == len(expected)


def test_it_looks_once_a_second(monkeypatch: pytest.MonkeyPatch, threads: list[int]) -> None:
    monkeypatch.setattr(free_cores, 'LOOK_EVERY_S', 1.0)
    after(0.0, 3.0, 3.0)
    assert threads == []


def test_torch_is_left_as_it_is_where_nobody_else_computes() -> None:
    before = used_threads()
    FreeCores(lambda text: None).follow()
    assert used_threads() == before

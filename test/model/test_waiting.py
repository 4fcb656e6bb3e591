"""How often tracking waits for the device: only where numbers leave it, which the result needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt, Prompt, Tracker, build_tracker
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s
from sam2s_model.switches import RELEASED_PREDICTOR, Switches

SIDE = 64
FRAME_NS = 40_000_000
CPU = torch.device('cpu')
SAM2 = MemorySettings(long_term=0)
CHOOSING_EVERY_FRAME = MemorySettings(candidate_interval=0.0, min_iou=-1.0, buffer_size=1)
NEVER_CHOOSING = MemorySettings(candidate_interval=0.0, min_iou=-1.0, buffer_size=1000)
READS = ('item', 'tolist', 'cpu', '__bool__', '__int__', '__float__', '__index__', '__contains__')
READING_OPERATORS = (torch.ops.aten._local_scalar_dense, torch.ops.aten.equal, torch.ops.aten.nonzero)


class Waits:
    """Counts what a GPU would have to be waited for: each read by Python, and each operator that reads by itself."""

    def __init__(self) -> None:
        self.count = 0
        self.in_read = False


class CountReads(TorchFunctionMode):
    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, '__name__', '') not in READS:
            return func(*args, **(kwargs or {}))
        self.waits.count += 1
        self.waits.in_read = True
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.waits.in_read = False


class CountReadingOperators(TorchDispatchMode):
    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.waits.count += not self.waits.in_read and func.overloadpacket in READING_OPERATORS
        return func(*args, **(kwargs or {}))


@contextmanager
def counted() -> Iterator[Waits]:
    waits = Waits()
    with CountReads(waits), CountReadingOperators(waits):
        yield waits


def noise(count: int, side: int = SIDE) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(rng.integers(0, 256, (side, side, 3), np.uint8), t * FRAME_NS) for t in range(count)]


BOX = BoxPrompt((4, 6, 20, 30))
CLICK = PointPrompt(((16, 20),), (1,))
MASK = MaskPrompt(np.pad(np.ones((20, 20), bool), 22))


def waits_of_a_step(tracker: Tracker, objects: str, frames: list[Frame]) -> int:
    for name in objects:
        tracker.prompt(frames[0], name, BOX)
    tracker.step(frames[1])
    with counted() as waits:
        tracker.step(frames[2])
    return waits.count


@pytest.mark.parametrize(
    ('read', 'waits'),
    [
        (lambda t: t.item(), 1),
        (lambda t: t.tolist(), 1),
        (lambda t: bool(t), 1),
        (lambda t: int(t), 1),
        (lambda t: t.cpu().numpy(), 1),
        (lambda t: torch.equal(t, t), 1),
        (lambda t: t[None].nonzero(), 1),
        (lambda t: (t + 1).sum(), 0),
    ],
    ids=['item', 'tolist', 'bool', 'int', 'cpu', 'equal', 'nonzero', 'sum'],
)
def test_a_read_is_counted_once(read: Callable[[torch.Tensor], object], waits: int) -> None:
    with counted() as seen:
        read(torch.tensor(3.0))
    assert seen.count == waits


@pytest.mark.parametrize(
    ('settings', 'objects', 'waits'),
    [
        (SAM2, 'a', 2),  # qualities and presences, masks
        (SAM2, 'abc', 2),
        (NEVER_CHOOSING, 'abc', 2),
        (CHOOSING_EVERY_FRAME, 'abc', 5),  # and which frame DiveMem keeps, for each object
    ],
    ids=['SAM 2, 1 object', 'SAM 2, 3 objects', 'DiveMem collects, 3 objects', 'DiveMem chooses, 3 objects'],
)
def test_a_step_waits_twice_and_once_more_where_divemem_chooses(
    nano: Callable[..., Sam2s], settings: MemorySettings, objects: str, waits: int
) -> None:
    assert waits_of_a_step(Tracker(nano(SIDE), CPU, settings), objects, noise(3)) == waits


def test_each_group_of_objects_that_remember_unlike_is_waited_for(nano: Callable[..., Sam2s]) -> None:
    tracker, frames = Tracker(nano(SIDE), CPU, SAM2), noise(4)
    tracker.prompt(frames[0], 'a', BOX)
    tracker.step(frames[1])
    tracker.prompt(frames[1], 'b', BOX)
    with counted() as waits:
        tracker.step(frames[2])
    assert waits.count == 3


def test_filling_holes_waits_once_more(nano: Callable[..., Sam2s]) -> None:
    tracker = Tracker(nano(SIDE, RELEASED_PREDICTOR), CPU, SAM2, RELEASED_PREDICTOR)
    assert waits_of_a_step(tracker, 'abc', noise(3)) == 3


@pytest.mark.parametrize('objects', ['a', 'abc'])
def test_the_shipped_network_waits_once_more_to_find_specks_once_to_seek_and_once_to_look_again(objects: str) -> None:
    tracker = build_tracker(device='cpu', image_size=128, memory=NEVER_CHOOSING, precision='float32')  # as on a GPU
    assert waits_of_a_step(tracker, objects, noise(3, 128)) == 5


@pytest.mark.parametrize(
    ('prompt', 'waits'), [(BOX, 2), (CLICK, 2), (MASK, 3)], ids=['box', 'click', 'mask']
)  # for a mask, also whether anything of it is left in the network's square
def test_a_prompt_waits_as_a_step_does(nano: Callable[..., Sam2s], prompt: Prompt, waits: int) -> None:
    tracker, frames = Tracker(nano(SIDE), CPU, NEVER_CHOOSING), noise(3)
    for name in 'bc':
        tracker.prompt(frames[0], name, BOX)
    tracker.step(frames[1])
    with counted() as seen:
        tracker.prompt(frames[1], 'a', prompt)
    assert seen.count == waits


def test_a_prompt_among_objects_that_contest_waits_once_more() -> None:
    waits = []
    for switches in (Switches(), Switches(contest=True)):
        tracker, frames = (
            build_tracker(device='cpu', image_size=128, precision='float32', switches=switches),
            noise(2, 128),
        )
        for name in 'bc':
            tracker.prompt(frames[0], name, BOX)
        with counted() as seen:
            tracker.prompt(frames[0], 'a', BOX)
        waits.append(seen.count)
    assert waits[1] == waits[0] + 1


def test_a_correction_waits_as_a_step_does(nano: Callable[..., Sam2s]) -> None:
    tracker, frames = Tracker(nano(SIDE), CPU, NEVER_CHOOSING), noise(3)
    tracker.prompt(frames[0], 'a', BOX)
    tracker.step(frames[1])
    with counted() as seen:
        tracker.prompt(frames[1], 'a', CLICK)
    assert seen.count == 2

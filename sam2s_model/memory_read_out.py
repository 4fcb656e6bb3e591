"""What remembered frames say about a new one: the matching read-out of several objects with memories of their own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import add
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.matching import (
    POOLED_CELLS,
    Lookup,
    ReadOut,
    Windows,
    cut_windows,
    lookup,
    pool_memory,
    read_everywhere,
    read_nearby,
    read_nearby_sparsely,
    thin_out,
)
from sam2s_model.prompt_reader import Looks
from sam2s_model.target_model import Lesson

FINER = 2  # masks are remembered and read out at twice the keys' resolution: thin things keep their shape
QUARTERS = FINER**2
READY_GROUPS = 32  # of objects whose lasting memory is kept ready
LASTING = (Role.CONDITIONING, Role.LONG_TERM)
READY_FRAMES = 24  # recent frames that are kept ready, 3 MB each: each is read for as long as it is recent


class CellMask(NamedTuple):
    """What one object leaves behind on one frame.

    Attributes:
        keys: (h·w, K) those of the frame.
        mask: (QUARTERS, h·w) in [0, 1], how much of each quarter of a cell the object covers.
        lesson: What the object's target model learnt, see `object_looks`: where it was prompted, from this frame; where
            it was tracked, from all tracked frames so far; None where there was nothing to learn.
        lesson_age: How many tracked frames ago the newest lesson came.
        seen: How the object looked, where it was prompted.
    """

    keys: Tensor
    mask: Tensor
    lesson: Lesson | None = None
    lesson_age: int = 0
    seen: Looks | None = None


Found: TypeAlias = Mapping[Hashable, ReadOut]  # by what was read
Contents: TypeAlias = tuple[tuple[CellMask, ...], ...]  # of some frames, for each of N objects
NOTHING: Found = {}


def look_up_ahead(keys: Tensor, recalls: Sequence[Recall[CellMask]], side: int) -> Found:
    """Read what N objects with the same recent frames remember so far, for `read_recent` and `read_lasting`."""
    if not _tracks_in_half(keys):
        return {}
    found: dict[Hashable, ReadOut] = {
        frame: read_nearby(keys, [_keep_windows(frame, side)], side) for frame in _recent(recalls)
    }
    for role in LASTING:
        contents = _contents(recalls, role)
        for numbers in _alike(recalls, role):
            group = tuple(contents[n] for n in numbers)
            found[role, group] = read_everywhere(keys, _make_ready(group, role, side, sparsely=True))
    return found


def read_recent(keys: Tensor, recalls: Sequence[Recall[CellMask]], side: int, found: Found = NOTHING) -> ReadOut | None:
    """Match a frame, keys (h·w, K), with what is near in recent frames, the same of all objects; None without any.

    The read-outs here have a row for each quarter of each object's cells, (N·QUARTERS, h·w).
    """
    frames = _recent(recalls)
    if not frames:
        return None
    *earlier, newest = frames
    if earlier and all(frame in found for frame in earlier):
        return reduce(add, (found[frame] for frame in earlier), read_nearby(keys, [_keep_windows(newest, side)], side))
    if _tracks_in_half(keys):
        return read_nearby_sparsely(keys, [_keep_windows(frame, side) for frame in frames], side)
    return read_nearby(keys, (_cut(frame, side) for frame in frames), side)


def _recent(recalls: Sequence[Recall[CellMask]]) -> list[tuple[CellMask, ...]]:
    """What all objects left behind on each recent frame."""
    return list(zip(*_contents(recalls, Role.SHORT_TERM), strict=True))


@lru_cache(maxsize=READY_FRAMES)
def _keep_windows(contents: tuple[CellMask, ...], side: int) -> Windows:
    return _cut(contents, side)


def _cut(contents: tuple[CellMask, ...], side: int) -> Windows:
    """What N objects left behind on one frame, ready to be read from nearby."""
    return cut_windows(contents[0].keys, torch.cat([content.mask for content in contents]), side)


def read_lasting(
    keys: Tensor, recalls: Sequence[Recall[CellMask]], role: Role, side: int, found: Found = NOTHING
) -> ReadOut | None:
    """Match a frame with all frames of a role; objects that remember the same ones are looked up together.

    Returns:
        None where no object remembers any; votes and weights are 0 for an object that remembers none.
    """
    contents, sparsely = _contents(recalls, role), _tracks_in_half(keys)
    read_outs = {}
    for numbers in _alike(recalls, role):
        group = tuple(contents[n] for n in numbers)
        known = found.get((role, group))
        read_outs[numbers] = known or read_everywhere(keys, _make_ready(group, role, side, sparsely))
    if not read_outs:
        return None
    everyone = tuple(range(len(recalls)))
    if everyone in read_outs:
        return read_outs[everyone]
    votes, weights = torch.zeros(2, len(recalls), QUARTERS, len(keys), device=keys.device)
    for numbers, read_out in read_outs.items():
        votes[list(numbers)] = read_out.votes.view(len(numbers), QUARTERS, -1)
        weights[list(numbers)] = read_out.weights
    return ReadOut(votes.flatten(0, 1), weights.flatten(0, 1))


def _alike(recalls: Sequence[Recall[CellMask]], role: Role) -> list[tuple[int, ...]]:
    """Numbers of the objects that remember the same frames in a role; those that remember none are left out."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, recall in enumerate(recalls):
        groups.setdefault(tuple(slot.memory.index for slot in recall.frames if slot.role is role), []).append(number)
    return [tuple(numbers) for frames, numbers in groups.items() if frames]


@lru_cache(maxsize=READY_GROUPS)
def _make_ready(contents: Contents, role: Role, side: int, sparsely: bool) -> Lookup:
    """What some objects remember for long, made ready once: it seldom changes. Prompted frames count in full."""
    keys, masks = _stack(contents)
    share = 1.0
    if role is Role.LONG_TERM:
        keys, masks = pool_memory(keys, masks, side)
        side, share = side // 2, POOLED_CELLS
    if sparsely:
        return thin_out(keys, masks, side, share)
    return lookup(keys.flatten(0, 1), masks.flatten(1), share)


def _contents(recalls: Sequence[Recall[CellMask]], role: Role) -> Contents:
    """What each object remembers of its frames in a role."""
    return tuple(tuple(slot.memory.content for slot in recall.frames if slot.role is role) for recall in recalls)


def _stack(contents: Contents) -> tuple[Tensor, Tensor]:
    """Keys (F, h·w, K) of some remembered frames, and masks (N·QUARTERS, F, h·w) of the objects in them."""
    keys = torch.stack([content.keys for content in contents[0]])
    return keys, torch.cat([torch.stack([content.mask for content in frames], dim=1) for frames in contents])


def _tracks_in_half(keys: Tensor) -> bool:
    """Whether speed counts for more than the last digit, and the device need not be waited for."""
    return keys.device.type == 'cpu' and keys.dtype != torch.float32 and torch.is_inference_mode_enabled()

"""Peers that learn nothing, behind the tracker's door."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sam2s_model.masklet import Frame, FrameResult
from sam2s_model.peers import PEERS, CarryingTracker, build_peer
from sam2s_model.prompt import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt

SIDE = 96


def texture() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 256, (SIDE * 2, SIDE * 2, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3) * np.uint8(2)


def disk(x: int, y: int) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    return cv2.circle(canvas, (x, y), 16, 1, -1).astype(bool)


def scene(x: int, y: int) -> np.ndarray:
    """A textured disk on grey, and a red square that stays."""
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    image[68:90, 68:90] = (220, 30, 30)
    mask = disk(x, y)
    image[mask] = np.roll(texture(), (y, x), axis=(0, 1))[:SIDE, :SIDE][mask]
    return image


def follow(tracker: CarryingTracker, places: list[tuple[int, int]]) -> FrameResult:
    """Prompt a disk with its mask at the first place and show it at the others."""
    result = None
    for n, (x, y) in enumerate(places):
        result = tracker.step(Frame(scene(x, y), n))
        if n == 0:
            result = tracker.prompt(Frame(scene(x, y), n), 'disk', MaskPrompt(disk(x, y)))
    assert result is not None
    return result


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


MOVING = [(30 + 2 * n, 40 + n) for n in range(8)]


def test_the_first_mask_stays() -> None:
    result = follow(build_peer('first-mask'), MOVING)
    np.testing.assert_array_equal(result['disk'].mask, disk(*MOVING[0]))


@pytest.mark.parametrize('name', ['flow', 'propagation'])
def test_the_others_go_along(name: str) -> None:
    result = follow(build_peer(name, threads=1), MOVING)
    assert result.frame_index == 7
    assert overlap(result['disk'].mask, disk(*MOVING[-1])) > 0.75 > overlap(disk(*MOVING[0]), disk(*MOVING[-1]))


@pytest.mark.parametrize('name', PEERS)
def test_an_object_can_be_added_later(name: str) -> None:
    tracker = build_peer(name, threads=1)
    follow(tracker, MOVING[:3])
    frame = Frame(scene(*MOVING[2]), 2)
    tracker.prompt(frame, 'box', BoxPrompt((68.0, 68.0, 90.0, 90.0)))
    result = tracker.step(Frame(scene(*MOVING[2]), 3))
    assert [found.object_id for found in result.objects] == ['disk', 'box']
    assert overlap(result['disk'].mask, disk(*MOVING[2])) > 0.65
    assert result['box'].mask[70:88, 70:88].mean() > 0.9


@pytest.mark.parametrize('name', PEERS)
def test_a_reset_forgets_everything(name: str) -> None:
    tracker = build_peer(name, threads=1)
    follow(tracker, MOVING[:2])
    tracker.reset()
    assert tracker.step(Frame(scene(*MOVING[0]), 9)).objects == ()


def test_clicks_and_frames_that_have_passed_are_refused() -> None:
    tracker = build_peer('first-mask')
    tracker.step(Frame(scene(40, 40), 5))
    with pytest.raises(InvalidPrompt, match='clicks'):
        tracker.prompt(Frame(scene(40, 40), 5), 'disk', PointPrompt(((40.0, 40.0),), (1,)))
    with pytest.raises(ValueError, match='newest'):
        tracker.prompt(Frame(scene(40, 40), 4), 'disk', MaskPrompt(disk(40, 40)))


def test_an_unknown_peer_is_refused() -> None:
    with pytest.raises(ValueError, match='first-mask'):
        build_peer('crystal ball')

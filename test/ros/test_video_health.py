"""Video that shows nothing is told from video that does, on phantom surgery that is spoilt on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from sam2s_model.phantom import generate, preset
from sam2s_ros.video_health import VideoFault, VideoHealth

FPS = 25
Picture = Callable[[np.ndarray], np.ndarray]


@cache
def surgery(seed: int = 3) -> np.ndarray:
    config = preset('surgery', height=144, width=192, frames=40, absence=0.0, disturbance=0.0)
    return generate(config, seed).frames


def shown(seconds: float, spoil: Picture = lambda frame: frame, seed: int = 3) -> Iterator[np.ndarray]:
    """Frames of a surgery for so long, back and forth, each with the noise of a camera."""
    frames, rng = surgery(seed), np.random.default_rng(5)
    for index in range(round(seconds * FPS)):
        place = index % (2 * len(frames))
        frame = spoil(frames[min(place, 2 * len(frames) - 1 - place)].astype(np.float32))
        yield np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)


def smoke(density: float) -> Picture:
    return lambda frame: frame * (1 - density) + 205 * density


def drapes(frame: np.ndarray) -> np.ndarray:
    """Blue cloth with folds instead of tissue."""
    folds = 30 * np.sin(np.arange(frame.shape[1]) / 7)[None, :, None]
    return np.broadcast_to(np.array([40.0, 90.0, 150.0]), frame.shape) + folds


def faults(health: VideoHealth, frames: Iterator[np.ndarray]) -> list[VideoFault | None]:
    return [health.judge(frame, 1 / FPS) for frame in frames]


@pytest.fixture
def health() -> VideoHealth:
    """One that has seen two seconds of surgery."""
    health = VideoHealth()
    assert set(faults(health, shown(2.0))) == {None}
    return health


@pytest.mark.parametrize('colour', [(0, 0, 0), (255, 255, 255), (0, 0, 200)])
def test_a_blank_picture_is_told_at_once(health: VideoHealth, colour: tuple[int, int, int]) -> None:
    (fault,) = faults(health, shown(1 / FPS, lambda frame: np.zeros_like(frame) + np.array(colour)))
    assert fault == VideoFault.BLANK


def test_a_picture_that_repeats_is_told_after_a_while_and_ends_with_the_first_movement(health: VideoHealth) -> None:
    still = surgery()[7]
    told = [health.judge(still, 1 / FPS) for _ in range(FPS)]
    assert told[:10] == [None] * 10 and told[-1] == VideoFault.STANDSTILL
    assert faults(health, shown(0.4))[-1] is None


def test_a_camera_that_sends_every_picture_twice_is_well(health: VideoHealth) -> None:
    twice = (frame for frame in shown(2.0) for _ in range(2))
    assert set(faults(health, twice)) == {None}


@pytest.mark.parametrize(('spoil', 'fault'), [(smoke(0.8), VideoFault.SMOKE), (drapes, VideoFault.OUT_OF_BODY)])
def test_a_view_that_is_gone_is_told_within_a_second_and_so_is_its_return(
    health: VideoHealth, spoil: Picture, fault: VideoFault
) -> None:
    told = faults(health, shown(5.0, spoil))
    assert set(told[FPS:]) == {fault}
    assert set(faults(health, shown(3.0))[FPS // 2 :]) == {None}


@pytest.mark.parametrize('density', [0.1, 0.3])
def test_through_thin_smoke_memory_goes_on(health: VideoHealth, density: float) -> None:
    assert set(faults(health, shown(2.0, smoke(density)))) == {None}


@pytest.mark.parametrize('seed', range(8))
def test_ordinary_surgery_is_never_faulted(seed: int) -> None:
    assert set(faults(VideoHealth(), shown(3.0, seed=seed))) == {None}


def test_where_there_was_never_any_tissue_nothing_has_left_the_body() -> None:
    assert set(faults(VideoHealth(), shown(5.0, drapes))) == {None}


def test_what_a_person_points_at_is_taken_for_what_the_video_shows(health: VideoHealth) -> None:
    assert faults(health, shown(3.0, drapes))[-1] == VideoFault.OUT_OF_BODY
    health.forget()
    assert set(faults(health, shown(3.0, drapes))) == {None}


def test_only_through_smoke_something_can_still_be_seen() -> None:
    assert [fault for fault in VideoFault if not fault.blinds] == [VideoFault.SMOKE]

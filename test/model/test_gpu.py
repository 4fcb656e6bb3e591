"""The same masks on a GPU as on the CPU. Skipped where there is none, so never run by those who have none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sam2s_model import BoxPrompt, Frame, Tracker, build_tracker
from sam2s_model.sam2s import Sam2s

GPUS = [
    pytest.param(
        name,
        marks=[pytest.mark.gpu, pytest.mark.skipif(not available, reason=f'torch finds no {name.upper()} device')],
    )
    for name, available in (('cuda', torch.cuda.is_available()), ('mps', torch.backends.mps.is_available()))
]
SIDE = 128
BOX = BoxPrompt((20, 30, 80, 100))


def frames_of_a_moving_square(count: int) -> list[Frame]:
    frames = []
    for t in range(count):
        rgb = np.random.default_rng(0).integers(60, 120, (SIDE, SIDE, 3), np.uint8)
        rgb[30 + 2 * t : 100 + 2 * t, 20:80] = (210, 50, 40)
        frames.append(Frame(rgb, t * 40_000_000))
    return frames


def track(tracker: Tracker, count: int = 8) -> np.ndarray:
    first, *rest = frames_of_a_moving_square(count)
    tracker.prompt(first, 'a', BOX)
    return np.stack([tracker.step(frame)['a'].mask for frame in rest])


def iou(masks: np.ndarray, others: np.ndarray) -> float:
    return float((masks & others).sum() / (masks | others).sum())


@pytest.mark.parametrize('device', GPUS)
@pytest.mark.parametrize(('precision', 'least'), [('float32', 0.999), ('bfloat16', 0.99), ('float16', 0.99)])
def test_the_shipped_network_sees_the_same_on_a_gpu(device: str, precision: str, least: float) -> None:
    there = track(build_tracker(device=device, precision=precision, image_size=SIDE))
    assert iou(there, track(build_tracker(device='cpu', precision='float32', image_size=SIDE))) >= least


@pytest.mark.parametrize('device', GPUS)
def test_sam2s_sees_the_same_on_a_gpu(nano: Callable[..., Sam2s], device: str) -> None:
    network = nano(64)
    here = track(Tracker(network, torch.device('cpu')))
    assert iou(track(Tracker(network.to(device), torch.device(device))), here) >= 0.999


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='torch finds no CUDA device')
def test_results_wait_for_cuda_no_more_often_than_they_must(nano: Callable[..., Sam2s]) -> None:
    tracker, frames = Tracker(nano(64).cuda(), torch.device('cuda')), frames_of_a_moving_square(3)
    tracker.prompt(frames[0], 'a', BOX)
    tracker.step(frames[1])
    network = tracker._network
    recall = tracker._tracks['a'].bank.recall(2)
    features = network.encode_image(torch.zeros(1, 3, 64, 64, device='cuda'), None)
    torch.cuda.set_sync_debug_mode('error')
    try:
        with torch.inference_mode():
            output = network.track_frame(features, [recall], None)
            network.encode_memory(features, [recall], output, prompted=False)
    finally:
        torch.cuda.set_sync_debug_mode('default')

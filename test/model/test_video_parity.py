"""Whole videos: our tracker finds the masks that the reference predictor of SAM 2.1 finds with the same weights.

The reference is the PyPI package `sam2` (extra `reference`), driven frame by frame as a stream would be. Weights are
random, so masks mean nothing; that they agree to the last frame means that everything between prompt and mask agrees,
memory above all. Both see the same square frames: resizing has its own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from parity_streams import (
    LEAST_IOU,
    MemoisedSam2s,
    Ours,
    Said,
    Scene,
    Theirs,
    assert_same,
    components,
    mask_iou,
    memoise,
)
from torch.nn.functional import interpolate

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt
from sam2s_model.checkpoint import load_weights
from sam2s_model.image_transforms import to_masks
from sam2s_model.memory_settings import SAM2
from sam2s_model.switches import RELEASED_PREDICTOR, VOS_BENCHMARK, Switches

pytestmark = pytest.mark.parity

LENGTH = 40
FRAME_NS = 40_000_000


def click(x: float, y: float, label: int = 1) -> PointPrompt:
    return PointPrompt(((x, y),), (label,))


BOX = BoxPrompt((0.1, 0.25, 0.4, 0.6))
DISC = MaskPrompt(np.hypot(*(np.mgrid[:64, :64] / 64 - 0.4)) < 0.15)
THREE = PointPrompt(((0.25, 0.4), (0.3, 0.45), (0.7, 0.8)), (1, 1, 0))

SCENES = {
    'box': Scene((Said(0, 'a', BOX),)),
    'click': Scene((Said(0, 'a', click(0.25, 0.4)),)),
    '3 clicks': Scene((Said(0, 'a', THREE),)),
    '3 clicks, one by one': Scene(
        (Said(0, 'a', click(0.25, 0.4)), Said(0, 'a', click(0.3, 0.5)), Said(0, 'a', click(0.7, 0.8, 0)))
    ),
    'box and click': Scene((Said(0, 'a', BOX), Said(0, 'a', click(0.3, 0.3, 0)))),
    'mask': Scene((Said(0, 'a', DISC),)),
    'mask, then click': Scene((Said(0, 'a', DISC), Said(0, 'a', click(0.7, 0.7)))),
    'corrections': Scene(
        (
            Said(0, 'a', BOX),
            Said(12, 'a', click(0.6, 0.5)),
            Said(12, 'a', click(0.2, 0.2, 0)),
            Said(20, 'a', DISC),
            Said(26, 'a', BoxPrompt((0.3, 0.3, 0.8, 0.7))),
        )
    ),
    'correction on a frame that has passed': Scene(
        (
            Said(0, 'a', BOX),
            Said(14, 'a', click(0.6, 0.5), drawn_on=11),
            Said(14, 'a', click(0.2, 0.2, 0), drawn_on=11),
            Said(25, 'a', click(0.3, 0.5), drawn_on=0),
        )
    ),
    'three objects': Scene((Said(0, 'a', BOX), Said(7, 'b', click(0.7, 0.3)), Said(15, 'c', DISC))),
    'disappearance': Scene((Said(0, 'a', BOX), Said(0, 'b', DISC)), gone=range(14, 23)),
}

# Objects of a random network are so alike that a rounding error decides who owns a pixel. That switch has its own test.
SWITCHES = {'released': RELEASED_PREDICTOR, 'vos': replace(VOS_BENCHMARK, non_overlap=False)}


@contextmanager
def filling_holes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the reference fill holes without its extension, instead of leaving it out."""
    with monkeypatch.context() as patch:
        patch.setattr('sam2.utils.misc.get_connected_components', components)
        yield


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = pytest.importorskip('sam2.sam2_video_predictor')
    monkeypatch.setattr(predictor, 'tqdm', lambda frames, **_: frames)


@dataclass(frozen=True)
class Pair:
    """Both implementations with the same weights, and a video for them."""

    reference: Any
    network: MemoisedSam2s
    folder: Path
    frames: list[Frame]


@pytest.fixture(scope='module', params=[128, pytest.param(512, marks=pytest.mark.slow)], ids='{}px'.format)
def pair(request: pytest.FixtureRequest, build_reference: Callable[..., Any], tmp_path_factory: Any) -> Pair:
    side = request.param
    return pair_up(build_reference('tiny', side), side, tmp_path_factory.mktemp(f'video{side}'))


def pair_up(reference: Any, side: int, folder: Path) -> Pair:
    memoise(reference)
    network = MemoisedSam2s(side)
    load_weights(network, reference.state_dict(), 'reference')
    return Pair(reference, network.eval(), folder, draw_video(folder, side))


def draw_video(folder: Path, side: int) -> list[Frame]:
    """A disc drifts over a texture that drifts otherwise, and for a while it is dark."""
    pillow = pytest.importorskip('PIL.Image')
    rng = np.random.default_rng(0)
    texture = cv2.resize(
        rng.integers(0, 256, (16, 16, 3), np.uint8), (2 * side, 2 * side), interpolation=cv2.INTER_CUBIC
    )
    y, x = np.mgrid[:side, :side] / side
    frames = []
    for t in range(LENGTH):
        corner, share = round(t * side / 100), t / LENGTH
        image = texture[corner : corner + side, 2 * corner : 2 * corner + side].copy()
        image[np.hypot(x - 0.25 - 0.4 * share, y - 0.4 - 0.2 * share) < 0.13] = (220, 60, 50)
        path = folder / f'{t}.jpg'
        pillow.fromarray(image if t not in range(14, 23) else image // 4).save(path, quality=95)
        frames.append(Frame(np.array(pillow.open(path)), t * FRAME_NS))
    return frames


@pytest.mark.parametrize('switches', SWITCHES.values(), ids=SWITCHES.keys())
@pytest.mark.parametrize('scene', SCENES.values(), ids=SCENES.keys())
def test_video(
    pair: Pair, scene: Scene, switches: Switches, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    with filling_holes(monkeypatch):
        theirs = Theirs(pair.reference, pair.folder, switches).play(scene)
    ours = Ours(pair.network, SAM2, switches).play(scene, pair.frames)
    assert_same(ours, theirs, record_property)


STRIDE = 3


def test_video_with_a_temporal_stride(pair: Pair, record_property: Any) -> None:
    scene = SCENES['corrections']
    pair.reference.memory_temporal_stride_for_eval = STRIDE
    theirs = Theirs(pair.reference, pair.folder, VOS_BENCHMARK).play(scene)
    pair.reference.memory_temporal_stride_for_eval = 1
    memory = replace(SAM2, short_stride=STRIDE * FRAME_NS / 1e9)
    assert_same(Ours(pair.network, memory, VOS_BENCHMARK).play(scene, pair.frames), theirs, record_property)


def test_video_with_weights_of_sam_2_0(
    build_reference: Callable[..., Any], tmp_path: Path, record_property: Any
) -> None:
    pair = pair_up(build_reference('tiny', 128, release='2.0'), 128, tmp_path)
    scene = SCENES['disappearance']
    theirs = Theirs(pair.reference, pair.folder, SWITCHES['vos']).play(scene)
    assert_same(Ours(pair.network, SAM2, SWITCHES['vos']).play(scene, pair.frames), theirs, record_property)


def test_overlapping_objects_are_separated_as_in_the_reference(pair: Pair) -> None:
    logits = torch.randn(3, 32, 32) * 5
    large = interpolate(logits[:, None], (128, 128), mode='bilinear')
    theirs = pair.reference._apply_non_overlapping_constraints(large)[:, 0] > 0
    ours = np.stack(to_masks(logits, 128, 128, non_overlap=True))
    assert mask_iou(ours, theirs.numpy()) >= LEAST_IOU

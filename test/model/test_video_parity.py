"""Whole videos: our tracker finds the masks that the reference predictor of SAM 2.1 finds with the same weights.

The reference is the PyPI package `sam2` (extra `reference`), driven frame by frame as a stream would be. Weights are
random, so masks mean nothing; that they agree to the last frame means that everything between prompt and mask agrees,
memory above all. Both see the same square frames: resizing has its own tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parity_row import Row
from parity_scenes import SCENES
from parity_streams import LEAST_IOU, Pair, assert_within_bounds, compare, mask_iou
from parity_videos import FRAME_NS, drawn
from torch.nn.functional import interpolate

from sam2s_model.checkpoint import load_weights
from sam2s_model.mask_drawing import to_masks
from sam2s_model.memory_settings import SAM2, MemorySettings
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import RELEASED_PREDICTOR, VOS_BENCHMARK, Switches

pytestmark = pytest.mark.parity

SECTION = 'Whole videos, random weights'

# Objects of a random network are so alike that a rounding error decides who owns a pixel. That switch has its own test.
SWITCHES = {'released': RELEASED_PREDICTOR, 'VOS': replace(VOS_BENCHMARK, non_overlap=False)}

# What `make test` runs; the table has all scenes with both.
QUICK = {
    ('corrections', 'released'),
    ('three objects, one after another', 'VOS'),
    ('disappearance and return', 'released'),
}


@pytest.fixture(scope='module', params=[128, pytest.param(512, marks=pytest.mark.parity_table)], ids='{}px'.format)
def pair(request: pytest.FixtureRequest, build_reference: Callable[..., Any], tmp_path_factory: Any) -> Pair:
    side = request.param
    return pair_up(build_reference('tiny', side), side, tmp_path_factory.mktemp(f'video{side}'))


def pair_up(reference: Any, side: int, folder: Path) -> Pair:
    network = Sam2s(HIERA_SIZES['tiny'], side)
    load_weights(network, reference.state_dict(), 'reference')
    return Pair(reference, network.eval(), drawn(folder, side))


def assert_same_video(
    pair: Pair, scene: str, memory: MemorySettings, switches: Switches, row: Row, record: Callable[[str, Row], None]
) -> None:
    ours, theirs = pair.play(SCENES[scene], memory, switches)
    row = compare(ours, theirs, replace(row, section=SECTION, side=pair.video.side))
    record('parity', row)
    assert_within_bounds(row)


@pytest.mark.parametrize(
    ('scene', 'switches'),
    [
        pytest.param(scene, name, marks=() if (scene, name) in QUICK else pytest.mark.parity_table)
        for scene in SCENES
        for name in SWITCHES
    ],
)
def test_video(pair: Pair, scene: str, switches: str, record_property: Any) -> None:
    row = Row(SECTION, scene, 'tiny, drawn video', switches=switches)
    assert_same_video(pair, scene, SAM2, SWITCHES[switches], row, record_property)


STRIDE = 3


@pytest.mark.parity_table
def test_video_with_a_temporal_stride(pair: Pair, record_property: Any) -> None:
    pair.reference.memory_temporal_stride_for_eval = STRIDE
    memory = replace(SAM2, short_stride=STRIDE * FRAME_NS / 1e9)
    row = Row(SECTION, f'corrections, temporal stride {STRIDE}', 'tiny, drawn video', switches='VOS')
    try:
        assert_same_video(pair, 'corrections', memory, SWITCHES['VOS'], row, record_property)
    finally:
        pair.reference.memory_temporal_stride_for_eval = 1


@pytest.mark.parity_table
def test_video_with_weights_of_sam_2_0(
    build_reference: Callable[..., Any], tmp_path: Path, record_property: Any
) -> None:
    pair = pair_up(build_reference('tiny', 128, release='2.0'), 128, tmp_path)
    row = Row(SECTION, 'disappearance and return', 'SAM 2.0 tiny, drawn video', switches='VOS')
    assert_same_video(pair, 'disappearance and return', SAM2, SWITCHES['VOS'], row, record_property)


def test_overlapping_objects_are_separated_as_in_the_reference(build_reference: Callable[..., Any]) -> None:
    logits = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 5
    large = interpolate(logits[:, None], (128, 128), mode='bilinear')
    theirs = build_reference('tiny', 128)._apply_non_overlapping_constraints(large)[:, 0] > 0
    ours = np.stack(to_masks(logits.numpy(), (128, 128), non_overlap=True))
    assert mask_iou(ours, theirs.numpy()) >= LEAST_IOU

"""Parity on masks that mean something: trained weights, in the reference's classes as far as they take our dimensions.

A small SAM 2.1 of ours tracks whole videos: the phantom, and real clips whose folders PARITY_CLIPS names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parity_row import Row
from parity_scenes import SCENES
from parity_streams import Pair, assert_within_bounds, compare, true_iou
from parity_videos import Video, phantom, recorded
from small_sam2s import small_reference, small_sam2s

from sam2s_model.checkpoint import load_weights
from sam2s_model.memory_settings import SAM2
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import RELEASED_PREDICTOR, VOS_BENCHMARK

pytestmark = pytest.mark.parity

SECTION = 'Whole videos, trained weights'
SWITCHES = {'released': RELEASED_PREDICTOR, 'VOS': VOS_BENCHMARK}
MEANINGFUL = 0.5  # mean IoU with the truth of a box prompt's masks
TRAINED_SIDE, CLIP_SIDE = 128, 512
CLIPS = [Path(name) for name in os.environ.get('PARITY_CLIPS', '').split()]
NO_CLIPS = pytest.param(None, marks=pytest.mark.skip('PARITY_CLIPS names no clips'), id='clips')

# What `make test` runs; the table has all scenes with both.
QUICK = {
    ('1 click', 'VOS'),
    ('mask, then click', 'released'),
    ('corrections', 'VOS'),
    ('corrections of frames that have passed', 'released'),
    ('three objects, one after another', 'released'),
    ('disappearance and return', 'VOS'),
}


def pair_up(build_reference: Callable[..., Any], video: Video) -> Pair:
    return Pair(small_reference(build_reference, video.side), small_sam2s(video.side), video)


@pytest.fixture(scope='module')
def pair(build_reference: Callable[..., Any], tmp_path_factory: Any) -> Pair:
    return pair_up(build_reference, phantom(tmp_path_factory.mktemp('phantom'), TRAINED_SIDE))


def assert_same_video(pair: Pair, scene: str, switches: str, row: Row, record: Callable[[str, Row], None]) -> float:
    """Compare, and return the mean IoU with the truth."""
    ours, theirs = pair.play(SCENES[scene], SAM2, SWITCHES[switches])
    truth = true_iou(ours, pair.video)
    row = compare(ours, theirs, replace(row, side=pair.video.side, switches=switches))
    row = replace(row, compared=f'{row.compared}; IoU with the truth {truth:.2f}')
    record('parity', row)
    assert_within_bounds(row)
    return truth


@pytest.mark.parametrize(
    ('scene', 'switches'),
    [
        pytest.param(scene, name, marks=() if (scene, name) in QUICK else pytest.mark.parity_table)
        for scene in SCENES
        for name in SWITCHES
    ],
)
def test_video(pair: Pair, scene: str, switches: str, record_property: Any) -> None:
    assert_same_video(pair, scene, switches, Row(SECTION, scene, 'small, phantom'), record_property)


def test_masks_of_the_small_network_mean_something(
    build_reference: Callable[..., Any], tmp_path: Path, record_property: Any
) -> None:
    pair = pair_up(build_reference, phantom(tmp_path, TRAINED_SIDE))
    row = Row(SECTION, 'box', 'small, phantom')
    assert assert_same_video(pair, 'box', 'released', row, record_property) > MEANINGFUL


@pytest.mark.parity_table
@pytest.mark.parametrize('switches', SWITCHES)
@pytest.mark.parametrize('clip', CLIPS or [NO_CLIPS], ids=[clip.name for clip in CLIPS] or None)
def test_clip(
    build_reference: Callable[..., Any], clip: Path, switches: str, tmp_path: Path, record_property: Any
) -> None:
    pair = pair_up(build_reference, recorded(tmp_path, clip, TRAINED_SIDE))
    assert_same_video(pair, 'mask', switches, Row('Clips', f'{clip.name}, mask', 'small'), record_property)


@pytest.mark.parity_table
@pytest.mark.parametrize('clip', CLIPS or [NO_CLIPS], ids=[clip.name for clip in CLIPS] or None)
def test_clip_with_random_weights(
    build_reference: Callable[..., Any], clip: Path, tmp_path: Path, record_property: Any
) -> None:
    reference, video = build_reference('tiny', CLIP_SIDE), recorded(tmp_path, clip, CLIP_SIDE)
    network = Sam2s(HIERA_SIZES['tiny'], CLIP_SIDE)
    load_weights(network, reference.state_dict(), 'reference')
    pair = Pair(reference, network.eval(), video)
    row = Row('Clips', f'{clip.name}, mask', 'tiny, random weights')
    assert_same_video(pair, 'mask', 'released', row, record_property)

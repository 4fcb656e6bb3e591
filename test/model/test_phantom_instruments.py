from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from sam2s_model.phantom.instrument_designs import CLASSES, DESIGNS
from sam2s_model.phantom.instruments import InstrumentPose, build_instrument, place_instrument
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.scene import Actor, compose

ROOT = Path(__file__).resolve().parents[2]
POSE = InstrumentPose((100.0, 75.0), 0.0, 0.0, 0.8, 24.0, 1.0, 400.0, 1.0, 1.0, (0.0, 0.0))


def drawn(name: str, at: InstrumentPose, labelled: tuple[bool, bool] = (True, True)) -> Array:
    parts = place_instrument(build_instrument(np.random.default_rng(0), name, at.diameter), at, labelled)
    labels = np.zeros((150, 200), np.uint8)
    compose(np.zeros((150, 200, 3), np.float32), labels, Actor(name, True, True, (parts,)), 1, 0, (0.0, 0.0))
    return labels > 0


WITH_SHAFT = [name for name, design in DESIGNS.items() if design.shaft]


def test_the_classes_are_those_of_the_instrument_bank() -> None:
    listed = yaml.safe_load((ROOT / 'config/instruments.yaml').read_text())['classes']
    assert tuple(listed) == CLASSES and set(CLASSES) == set(DESIGNS)


@pytest.mark.parametrize('name', sorted(set(DESIGNS) - set(WITH_SHAFT)))
def test_what_has_no_shaft_is_one_piece(name: str) -> None:
    mask = drawn(name, replace(POSE, diameter=24 * DESIGNS[name].slender, opening=0.1)).astype(np.uint8)
    pieces, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    assert pieces >= 2 and stats[1:, cv2.CC_STAT_AREA].max() > 0.9 * mask.sum()


@pytest.mark.parametrize('name', WITH_SHAFT)
def test_an_instrument_reaches_from_the_image_edge_to_a_tip_beyond_its_joint(name: str) -> None:
    mask = drawn(name, replace(POSE, diameter=24 * DESIGNS[name].slender))
    assert mask[75, 0] and mask[:, 108:].any() and not mask[:, 198:].any()
    assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2


@pytest.mark.parametrize('name', [name for name, design in DESIGNS.items() if design.jaw and name != 'clamp'])
def test_jaws_open(name: str) -> None:
    def spread(opening: float) -> int:
        rows = np.flatnonzero(drawn(name, replace(POSE, opening=opening), (False, True)).any(axis=1))
        return int(rows[-1] - rows[0])

    assert spread(1.2) > spread(0.0) + 4


def test_no_two_classes_have_the_same_tip() -> None:
    tips = {name: drawn(name, POSE, (False, True)) for name in DESIGNS}
    names = sorted(tips)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            overlap = (tips[first] & tips[second]).sum() / (tips[first] | tips[second]).sum()
            assert overlap < 0.9, (first, second)


def test_the_shaft_alone_and_the_tip_alone_make_up_the_instrument() -> None:
    whole, tip, shaft = (
        drawn('grasper', POSE),
        drawn('grasper', POSE, (False, True)),
        drawn('grasper', POSE, (True, False)),
    )
    assert not (tip & shaft).any()
    assert (tip | shaft).sum() == pytest.approx(whole.sum(), rel=0.02)


def test_the_shaft_is_as_wide_as_its_diameter() -> None:
    assert drawn('suction', POSE)[:, 40].sum() == pytest.approx(24, abs=1.5)


def test_a_loop_opens_as_jaws_do() -> None:
    def height(opening: float) -> int:
        return int(np.ptp(np.flatnonzero(drawn('snare', replace(POSE, opening=opening), (False, True)).any(axis=1))))

    assert height(1.0) > 1.8 * height(0.0)


def test_of_a_needle_holder_one_jaw_stands_still() -> None:
    closed, wide = (drawn('needle holder', replace(POSE, opening=opening), (False, True)) for opening in (0.0, 0.6))
    assert np.flatnonzero(closed.any(axis=1))[-1] == np.flatnonzero(wide.any(axis=1))[-1]

"""Recordings with true masks, and the prompts made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_ros.bag_io import BagReader
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC, LabelledObject, ScriptedKind, script_from_labels, stamp_of
from sam2s_ros.prompt_script import read_prompt_script

TOOL, NEEDLE = LabelledObject(1, 'tool', 'grasper'), LabelledObject(2, 'needle', '')


def label_image(**areas: int) -> np.ndarray:
    """A 40×60 label image with so many pixels of each value."""
    image = np.zeros(2400, np.uint8)
    at = 0
    for name, area in areas.items():
        image[at : at + area] = int(name[1:])
        at += area
    return image.reshape(40, 60)


def test_images_and_true_masks_share_their_stamps(blob_bag: Path) -> None:
    with BagReader(blob_bag) as bag:
        images, masks = ([image.stamp_ns for image in bag.images(topic)] for topic in (IMAGE_TOPIC, TRUTH_TOPIC))
    assert images == masks == [stamp_of(index, 25) for index in range(25)]


def test_the_script_lies_with_the_recording(blob_bag: Path) -> None:
    script = read_prompt_script(blob_bag / 'prompts.yaml')
    assert [prompt.object_id for prompt in script.prompts] == ['left', 'right']
    assert script.ground_truth is not None
    assert script.ground_truth.values == {'left': 1, 'right': 2}


def test_an_object_is_prompted_where_it_is_first_seen() -> None:
    labels = [label_image(v1=50), label_image(v1=50, v2=3), label_image(v2=30)]
    script = script_from_labels(labels, [TOOL, NEEDLE], 25, 'box')
    assert {prompt.object_id: prompt.stamp_ns for prompt in script.prompts} == {
        'tool': stamp_of(0, 25),
        'needle': stamp_of(1, 25),
    }


def test_an_object_waits_until_enough_of_it_is_seen() -> None:
    patient = LabelledObject(2, 'needle', '', least_area=20)
    script = script_from_labels([label_image(v2=3), label_image(v2=30)], [patient], 25, 'box')
    assert script.prompts[0].stamp_ns == stamp_of(1, 25)


def test_an_object_that_is_never_seen_is_neither_prompted_nor_scored() -> None:
    script = script_from_labels([label_image(v1=50)], [TOOL, NEEDLE], 25, 'box')
    assert [prompt.object_id for prompt in script.prompts] == ['tool']
    assert script.ground_truth is not None
    assert script.ground_truth.values == {'tool': 1}


@pytest.mark.parametrize(('kind', 'expected'), [('box', BoxPrompt), ('mask', MaskPrompt), ('1-click', PointPrompt)])
def test_each_kind_of_prompt_can_be_made(kind: ScriptedKind, expected: type) -> None:
    script = script_from_labels([label_image(v1=50)], [TOOL], 25, kind)
    assert isinstance(script.prompts[0].prompt, expected)

"""The recording that we ship, made small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam2s_model.phantom import generate, preset
from sam2s_ros.bag_io import BagReader
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC
from sam2s_ros.phantom_bag import DEMO_SEED, write_phantom_bag
from sam2s_ros.prompt_script import read_prompt_script
from sam2s_ros.replay_source import SHIPPED_BAG

SMALL = preset('surgery', height=96, width=128, frames=6)


def test_a_phantom_is_recorded_with_its_exact_masks(tmp_path: Path) -> None:
    write_phantom_bag(tmp_path / 'bag', SMALL, seed=3)
    video = generate(SMALL, 3)
    with BagReader(tmp_path / 'bag') as bag:
        for image, labels in zip(bag.images(TRUTH_TOPIC), video.labels, strict=True):
            np.testing.assert_array_equal(image.labels(), labels)
        assert bag.count(IMAGE_TOPIC) == 6


def test_every_object_is_prompted_by_its_class_name(tmp_path: Path) -> None:
    write_phantom_bag(tmp_path / 'bag', SMALL, seed=3)
    names = generate(SMALL, 3).names
    assert {prompt.label for prompt in read_prompt_script(tmp_path / 'bag' / 'prompts.yaml').prompts} == set(names)


def test_the_demos_seed_is_none_of_the_trainings() -> None:
    assert DEMO_SEED >= 2**31


def test_the_shipped_recording_is_small_and_long_enough() -> None:
    if not SHIPPED_BAG.is_dir():
        pytest.skip('the recording is not in this checkout')
    assert sum(file.stat().st_size for file in SHIPPED_BAG.rglob('*') if file.is_file()) <= 8_000_000
    with BagReader(SHIPPED_BAG) as bag:
        stamps = [image.stamp_ns for image in bag.images(bag.image_topic())]
    assert stamps[-1] - stamps[0] >= 15 * 10**9

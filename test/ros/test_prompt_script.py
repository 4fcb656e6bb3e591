"""Prompt scripts: written and read back, and refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_ros.prompt_script import (
    BadPromptScript,
    GroundTruth,
    PromptScript,
    ScriptedPrompt,
    read_script,
    script_beside,
    write_script,
)

TOPIC = '/endoscope/image_raw/compressed'
BOX = ScriptedPrompt(1_700_000_000_123_456_789, 'grasper_1', 'grasper', BoxPrompt((1, 2, 30.5, 40), ((5, 6),), (1,)))
CLICKS = ScriptedPrompt(1_700_000_000_123_456_789, 'needle', '', PointPrompt(((5, 6), (7.5, 8)), (1, 0)))


def test_boxes_and_clicks_are_read_as_written(tmp_path: Path) -> None:
    script = PromptScript(
        TOPIC, (BOX, CLICKS), GroundTruth('/ground_truth/masks', {'grasper_1': 1, 'needle': 3}, (255,))
    )
    write_script(script, tmp_path / 'prompts.yaml')
    assert read_script(tmp_path / 'prompts.yaml') == script


def test_masks_are_read_as_written(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:9, 4:20] = True
    write_script(PromptScript(TOPIC, (ScriptedPrompt(5, 'a/b', '', MaskPrompt(mask)),)), tmp_path / 'prompts.yaml')
    (read,) = read_script(tmp_path / 'prompts.yaml').prompts
    assert read.object_id == 'a/b'
    assert isinstance(read.prompt, MaskPrompt)
    np.testing.assert_array_equal(read.prompt.mask, mask)


def test_prompts_are_ordered_and_grouped_by_stamp(tmp_path: Path) -> None:
    late = ScriptedPrompt(BOX.stamp_ns + 1, 'late', '', BOX.prompt)
    write_script(PromptScript(TOPIC, (late, BOX, CLICKS)), tmp_path / 'prompts.yaml')
    groups = read_script(tmp_path / 'prompts.yaml').by_stamp()
    assert groups == [(BOX.stamp_ns, [BOX, CLICKS]), (late.stamp_ns, [late])]


def test_the_first_prompt_of_each_object_is_known() -> None:
    correction = ScriptedPrompt(BOX.stamp_ns + 1, 'grasper_1', 'other', CLICKS.prompt)
    assert PromptScript(TOPIC, (BOX, CLICKS, correction)).first_prompts == {'grasper_1': BOX, 'needle': CLICKS}


@pytest.mark.parametrize(
    ('prompts', 'message'),
    [
        ('3', 'expected a list of prompts'),
        ('[{object_id: a, box: [1, 2, 3, 4]}]', 'prompt 1: stamp_ns is missing'),
        ('[{stamp_ns: 1, box: [1, 2, 3, 4]}]', 'prompt 1: object_id is missing'),
        ('[{stamp_ns: 1, object_id: a}]', 'the prompt is empty'),
        ('[{stamp_ns: 1, object_id: a, bx: [1, 2, 3, 4]}]', 'unknown bx; known are box'),
        ('[{stamp_ns: 1, object_id: a, box: [1, 2, 3]}]', 'prompt 1: not enough values'),
        ('[{stamp_ns: 1, object_id: a, points: [[1, 2]]}]', 'one label a point'),
        ('[{stamp_ns: soon, object_id: a, box: [1, 2, 3, 4]}]', 'soon'),
        ('[{stamp_ns: 1, object_id: a, mask: nowhere.png}]', 'nowhere.png'),
        ('[box]', 'expected names and values, got str'),
        ('[', 'expected YAML'),
    ],
)
def test_a_bad_script_is_refused_with_the_place_and_the_reason(tmp_path: Path, prompts: str, message: str) -> None:
    (tmp_path / 'prompts.yaml').write_text(f'image_topic: /image\nprompts: {prompts}\n')
    with pytest.raises(BadPromptScript, match=message):
        read_script(tmp_path / 'prompts.yaml')


@pytest.mark.parametrize('truth', ['{topic: /t}', '{topic: /t, values: [1]}', '{topic: /t, values: {a: b}}'])
def test_bad_ground_truth_is_refused(tmp_path: Path, truth: str) -> None:
    (tmp_path / 'prompts.yaml').write_text(f'image_topic: /image\nprompts: []\nground_truth: {truth}\n')
    with pytest.raises(BadPromptScript, match='ground_truth'):
        read_script(tmp_path / 'prompts.yaml')


def test_a_script_is_found_beside_its_recording(tmp_path: Path) -> None:
    folder, file = tmp_path / 'bag', tmp_path / 'old.bag'
    folder.mkdir()
    assert script_beside(folder) is None
    for path in (folder / 'prompts.yaml', tmp_path / 'old.prompts.yaml'):
        path.touch()
    assert script_beside(folder) == folder / 'prompts.yaml'
    assert script_beside(file) == tmp_path / 'old.prompts.yaml'

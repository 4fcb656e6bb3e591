"""Prompt scripts: written and read back, and refused with a reason."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_ros.prompt_script import (
    BadPromptScript,
    GroundTruth,
    PromptScript,
    ScriptedPrompt,
    ScriptedRemoval,
    read_prompt_script,
    script_beside,
    write_prompt_script,
)

TOPIC = '/endoscope/image_raw/compressed'
BOX = ScriptedPrompt(1_700_000_000_123_456_789, 'grasper_1', 'grasper', BoxPrompt((1, 2, 30.5, 40), ((5, 6),), (1,)))
CLICKS = ScriptedPrompt(1_700_000_000_123_456_789, 'needle', '', PointPrompt(((5, 6), (7.5, 8)), (1, 0)))


def test_boxes_and_clicks_are_read_as_written(tmp_path: Path) -> None:
    script = PromptScript(
        TOPIC, (BOX, CLICKS), GroundTruth('/ground_truth/masks', {'grasper_1': 1, 'needle': 3}, (255,))
    )
    write_prompt_script(script, tmp_path / 'prompts.yaml')
    assert read_prompt_script(tmp_path / 'prompts.yaml') == script


def test_masks_are_read_as_written(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:9, 4:20] = True
    write_prompt_script(
        PromptScript(TOPIC, (ScriptedPrompt(5, 'a/b', '', MaskPrompt(mask)),)), tmp_path / 'prompts.yaml'
    )
    (read,) = read_prompt_script(tmp_path / 'prompts.yaml').prompts
    assert read.object_id == 'a/b'
    assert isinstance(read.prompt, MaskPrompt)
    np.testing.assert_array_equal(read.prompt.mask, mask)


def test_prompts_are_ordered_and_grouped_by_stamp(tmp_path: Path) -> None:
    late = ScriptedPrompt(BOX.stamp_ns + 1, 'late', '', BOX.prompt)
    write_prompt_script(PromptScript(TOPIC, (late, BOX, CLICKS)), tmp_path / 'prompts.yaml')
    groups = read_prompt_script(tmp_path / 'prompts.yaml').by_stamp()
    assert groups == [(BOX.stamp_ns, [BOX, CLICKS]), (late.stamp_ns, [late])]


def test_the_first_prompt_of_each_object_is_known() -> None:
    correction = ScriptedPrompt(BOX.stamp_ns + 1, 'grasper_1', 'other', CLICKS.prompt)
    assert PromptScript(TOPIC, (BOX, CLICKS, correction)).first_prompts == {'grasper_1': BOX, 'needle': CLICKS}


def test_replacements_removals_and_other_topics_are_read_as_written(tmp_path: Path) -> None:
    again = replace(BOX, stamp_ns=BOX.stamp_ns + 1, replaces=True, topic='/other')
    script = PromptScript(TOPIC, (BOX, CLICKS, again, ScriptedRemoval(BOX.stamp_ns + 2, 'needle')))
    write_prompt_script(script, tmp_path / 'prompts.yaml')
    assert read_prompt_script(tmp_path / 'prompts.yaml') == script


def test_the_entries_of_one_stamp_keep_their_order(tmp_path: Path) -> None:
    removal = ScriptedRemoval(BOX.stamp_ns, 'grasper_1')
    write_prompt_script(PromptScript(TOPIC, (BOX, removal, CLICKS, BOX)), tmp_path / 'prompts.yaml')
    assert read_prompt_script(tmp_path / 'prompts.yaml').entries == (BOX, removal, CLICKS, BOX)


def test_entries_that_name_no_topic_are_for_the_main_one() -> None:
    named = replace(CLICKS, topic='/right')
    script = PromptScript('/left', (BOX, named))
    assert script.of_topic('/left', is_main=True).entries == (BOX,)
    assert script.of_topic('/right', is_main=False).entries == (named,)


def test_a_mask_may_be_a_picture_beside_the_script(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:7] = 255
    cv2.imwrite(str(tmp_path / 'needle.png'), mask)
    (tmp_path / 'p.yaml').write_text('image_topic: /i\nprompts: [{stamp_ns: 1, object_id: needle, mask: needle.png}]\n')
    (read,) = read_prompt_script(tmp_path / 'p.yaml').prompts
    assert isinstance(read.prompt, MaskPrompt)
    np.testing.assert_array_equal(read.prompt.mask, mask != 0)


def test_a_script_may_be_json_indented_with_tabs(tmp_path: Path) -> None:
    entry = {'stamp_ns': BOX.stamp_ns, 'object_id': 'grasper_1', 'label': 'grasper', 'box': [1, 2, 30.5, 40]}
    content = {'image_topic': TOPIC, 'prompts': [entry | {'points': [[5, 6]], 'point_labels': [1]}]}
    (tmp_path / 'prompts.json').write_text(json.dumps(content, indent='\t'))
    assert read_prompt_script(tmp_path / 'prompts.json').entries == (BOX,)


def test_a_script_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'prompts.yaml'
    write_prompt_script(PromptScript(TOPIC, (BOX,)), path)

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('os.fsync', refuse)
    with pytest.raises(OSError, match='No space'):
        write_prompt_script(PromptScript(TOPIC, (BOX, CLICKS)), path)
    assert read_prompt_script(path).entries == (BOX,)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ('prompts', 'message'),
    [
        ('3', 'expected a list of prompts, came 3'),
        ('[{object_id: a, box: [1, 2, 3, 4]}]', 'line 2, prompt 1: expected stamp_ns, came only box, object_id'),
        ('[{stamp_ns: 1, box: [1, 2, 3, 4]}]', 'prompt 1: expected object_id, came only'),
        ('[{stamp_ns: 1, object_id: a}]', 'expected a box, points .* or a mask, came none'),
        ('[{stamp_ns: 1, object_id: a, bx: [1, 2, 3, 4]}]', 'expected some of box, .*, came bx'),
        ('[{stamp_ns: 1, object_id: a, box: [1, 2, 3]}]', r'expected a box .x0, y0, x1, y1., came .1, 2, 3.'),
        ('[{stamp_ns: 1, object_id: a, points: [[1, 2]]}]', 'came 1 points, 0 labels'),
        ('[{stamp_ns: 1, object_id: a, points: [[1]], point_labels: [1]}]', r'expected a point .x, y., came .1.'),
        ('[{stamp_ns: 1, object_id: a, points: [[1, 2]], point_labels: [2]}]', 'expected point_labels of 1 .*, came 2'),
        ('[{stamp_ns: 1, object_id: a, points: 3}]', 'expected a list of points, came 3'),
        ('[{stamp_ns: soon, object_id: a, box: [1, 2, 3, 4]}]', 'expected stamp_ns as whole nanoseconds, came .soon'),
        ('[{stamp_ns: 1.5, object_id: a, box: [1, 2, 3, 4]}]', 'expected stamp_ns as whole nanoseconds, came 1.5'),
        ('[{stamp_ns: 1, object_id: a, mask: nowhere.png}]', 'expected a mask image at .*nowhere.png'),
        (
            '[{stamp_ns: 1, object_id: a, mask: m.png, box: [1, 2, 3, 4]}]',
            'expected a mask alone, came a mask with box',
        ),
        ('[{stamp_ns: 1, object_id: a, mask: {size: [2, 2], counts: [3]}}]', 'fill 2 × 2 = 4 pixels, came 3'),
        ('[{stamp_ns: 1, object_id: a, remove: true, label: b}]', 'expected a removal alone, came one with label'),
        ('[{stamp_ns: 1, object_id: a, remove: 1}]', 'expected true or false for remove, came 1'),
        ('\n- {stamp_ns: 1, object_id: a, remove: true}\n- box', 'line 4, prompt 2: expected names and values, came'),
        ('[', 'expected YAML'),
    ],
)
def test_a_bad_script_is_refused_with_the_place_and_the_reason(tmp_path: Path, prompts: str, message: str) -> None:
    (tmp_path / 'prompts.yaml').write_text(f'image_topic: /image\nprompts: {prompts}\n')
    with pytest.raises(BadPromptScript, match=f'prompts.yaml.*{message}'):
        read_prompt_script(tmp_path / 'prompts.yaml')


@pytest.mark.parametrize('truth', ['{topic: /t}', '{topic: /t, values: [1]}', '{topic: /t, values: {a: b}}'])
def test_bad_ground_truth_is_refused(tmp_path: Path, truth: str) -> None:
    (tmp_path / 'prompts.yaml').write_text(f'image_topic: /image\nprompts: []\nground_truth: {truth}\n')
    with pytest.raises(BadPromptScript, match='ground_truth'):
        read_prompt_script(tmp_path / 'prompts.yaml')


def test_a_script_is_found_beside_its_recording(tmp_path: Path) -> None:
    folder, file = tmp_path / 'bag', tmp_path / 'old.bag'
    folder.mkdir()
    assert script_beside(folder) is None
    for path in (folder / 'prompts.yaml', tmp_path / 'old.prompts.yaml'):
        path.touch()
    assert script_beside(folder) == folder / 'prompts.yaml'
    assert script_beside(file) == tmp_path / 'old.prompts.yaml'

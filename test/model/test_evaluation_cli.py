"""The command line of the evaluation: what it reads, writes and refuses."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sam2s_model.evaluation.__main__ import main

FRAMES = 5


def write_clip(folder: Path, ignore: tuple[int, ...] = ()) -> Path:
    """A still square (1), one that moves away (2), and an object that is never seen (3)."""
    for part in ('frames', 'masks'):
        (folder / part).mkdir(parents=True)
    for n in range(FRAMES):
        labels = np.zeros((60, 80), np.uint8)
        labels[10:30, 10:30] = 1
        labels[40:55, 10 + 10 * n : 25 + 10 * n] = 2
        cv2.imwrite(str(folder / f'frames/{n:05d}.jpg'), np.dstack([labels * 90] * 3))
        cv2.imwrite(str(folder / f'masks/{n:05d}.png'), labels)
    objects = {'1': 'hook', '2': 'grasper <b>', '3': 'never'}
    (folder / 'meta.json').write_text(json.dumps({'fps': 10, 'objects': objects, 'ignore_values': ignore}))
    return folder


def evaluate(tmp_path: Path, *arguments: str, tracker: str = 'first-mask', prompt: str = 'mask') -> dict[str, Any]:
    output = tmp_path / 'scores.json'
    options = ['--json', str(output), '--tracker', tracker, '--prompt', prompt]
    assert main([*arguments, *options]) == 0
    content: dict[str, Any] = json.loads(output.read_text(), parse_constant=pytest.fail)
    return content


def test_the_json_holds_scores_of_objects_videos_sets_and_all(tmp_path: Path) -> None:
    scores = evaluate(tmp_path, str(write_clip(tmp_path / 'set' / 'clip')))
    video = scores['videos']['clip']
    assert video['objects']['1'] | {'j': 1.0, 'f': 1.0, 'jf': 1.0, 'frames': 3} == video['objects']['1']
    assert video['objects']['2']['j'] == pytest.approx((5 / 25 + 0 + 0) / 3, abs=1e-6)
    assert video['objects']['3']['j'] is None
    assert video['j'] == scores['mean']['j'] == scores['sets']['set']['j']
    assert scores['mean']['jf'] == pytest.approx((scores['mean']['j'] + scores['mean']['f']) / 2, abs=2e-6)
    assert scores['settings']['prompt'] == 'mask'


def test_both_conventions_are_reported_whichever_is_asked_for(tmp_path: Path) -> None:
    clip = str(write_clip(tmp_path / 'clip'))
    inner, every = (evaluate(tmp_path, clip, '--score', kind)['mean'] for kind in ('inner', 'all'))
    assert inner['conventions'] == every['conventions']
    assert (inner['j'], every['j']) == (inner['conventions']['inner']['j'], inner['conventions']['all']['j'])


def test_values_to_ignore_are_left_out(tmp_path: Path) -> None:
    strict = evaluate(tmp_path, str(write_clip(tmp_path / 'a' / 'clip')))
    lenient = evaluate(tmp_path, str(write_clip(tmp_path / 'b' / 'clip', ignore=(2,))))
    assert strict['videos']['clip']['objects']['2']['j'] is not None
    assert lenient['videos']['clip']['objects']['2']['j'] is None


def test_a_set_is_the_folder_around_its_videos_and_equal_names_are_told_apart(tmp_path: Path) -> None:
    for name in ('a', 'b'):
        write_clip(tmp_path / name / 'clip')
    scores = evaluate(tmp_path, str(tmp_path / 'a'), str(tmp_path / 'b'))
    assert sorted(scores['videos']) == ['a/clip', 'b/clip']
    assert scores['sets']['b']['videos'] == ['b/clip']


def test_short_runs_take_fewer_frames_and_videos(tmp_path: Path) -> None:
    for name in ('first', 'second'):
        write_clip(tmp_path / 'set' / name)
    scores = evaluate(tmp_path, str(tmp_path / 'set'), '--subset', '1', '--frames-per-video', '4')
    assert {name: video['frames'] for name, video in scores['videos'].items()} == {'first': 4}


def test_the_same_comes_out_of_one_process_and_of_two(tmp_path: Path) -> None:
    for name in ('first', 'second'):
        write_clip(tmp_path / 'set' / name)
    alone, together = (evaluate(tmp_path, str(tmp_path / 'set'), '--workers', str(n)) for n in (1, 2))
    for scores in (alone, together):
        assert math.isfinite(scores['videos']['first'].pop('step_ms') + scores['videos']['second'].pop('step_ms'))
    assert alone['videos'] == together['videos']


class OpenTags(HTMLParser):
    """Counts opening and closing tags."""

    def __init__(self) -> None:
        super().__init__()
        self.depth: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.depth[tag] = self.depth.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        self.depth[tag] = self.depth.get(tag, 0) - 1

    def handle_startendtag(self, tag: str, attrs: object) -> None: ...


def test_the_report_is_one_file_with_curves_worst_moments_and_frames(tmp_path: Path) -> None:
    report = tmp_path / 'report.html'
    evaluate(tmp_path, str(write_clip(tmp_path / 'clip')), '--html', str(report))
    text = report.read_text()
    assert text.count('<polyline') == 2
    assert len(re.findall('src="data:image/jpeg;base64,', text)) == text.count('<img') >= FRAMES + 1
    assert 'object 2, J 0.00' in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert '<b>' not in text, 'names out of files are escaped'
    tags = OpenTags()
    tags.feed(text)
    assert {tag for tag, depth in tags.depth.items() if depth} <= {'meta', 'img'}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nowhere'], 'nothing is there'),
        (['CLIP', '--tracker', 'flow', '--prompt', '3click'], 'mask or box'),
        (['CLIP', '--tracker', 'tiny'], 'no weights are shipped'),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / 'clip')
    assert main([str(clip) if argument == 'CLIP' else argument for argument in arguments]) == 1
    assert message in ' '.join(capsys.readouterr().out.split())


@pytest.mark.parametrize('kind', ['1click', '3-click', '5click', 'box', 'mask'])
def test_the_shipped_tracker_takes_every_kind_of_prompt(tmp_path: Path, kind: str) -> None:
    clip = str(write_clip(tmp_path / 'clip'))
    scores = evaluate(tmp_path, clip, '--frames-per-video', '3', '--memory', 'sam2', tracker='lite', prompt=kind)
    assert scores['settings']['prompt'] == kind.replace('-', '')
    assert scores['settings']['memory'] == 'sam2'
    assert 0 <= scores['mean']['j'] <= 1

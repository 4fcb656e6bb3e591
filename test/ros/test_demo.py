"""The demo from its command line to the files it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
from sam2s_model.phantom import preset
from sam2s_ros import loaded_model
from sam2s_ros.bag_io import BagReader
from sam2s_ros.demo import main
from sam2s_ros.health import ModelSource
from sam2s_ros.phantom_bag import write_phantom_bag

pytestmark = pytest.mark.ros

LEFT_BEHIND = {'overlay.mp4', 'contact_sheet.png', 'report.json', 'recording', 'prompts.yaml'}


@pytest.fixture
def blobs_followed(ros_domain: int, monkeypatch: pytest.MonkeyPatch, blob_tracker: Any) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    loaded = loaded_model.LoadedModel(blob_tracker, ModelSource('blobs', 'cpu', '', ''))
    monkeypatch.setattr(loaded_model, 'load_model', lambda model: loaded)


def report_in(out: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((out / 'report.json').read_text())
    assert report['frames_tracked'] + report['frames_dropped'] == report['frames_in']
    return report


def test_a_recording_with_script_is_tracked_and_scored(blobs_followed: None, blob_bag: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    assert main(['--out', str(out), '--bag', str(blob_bag)]) == 0
    assert {path.name for path in out.iterdir()} == LEFT_BEHIND
    report = report_in(out)
    assert (report['frames_in'], report['objects']) == (25, 2)
    assert report['j_mean'] > 0.8


def test_boxes_do_for_a_recording_without_script(blobs_followed: None, blob_bag: Path, tmp_path: Path) -> None:
    (blob_bag / 'prompts.yaml').unlink()
    assert main(['--out', str(tmp_path), '--bag', str(blob_bag), '--box', '12', '7', '29', '24']) == 0
    report = report_in(tmp_path)
    assert (report['objects'], report['jf_mean']) == (1, None)


def test_a_recording_without_prompts_says_how_to_give_some(
    blob_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (blob_bag / 'prompts.yaml').unlink()
    assert main(['--out', str(tmp_path / 'out'), '--bag', str(blob_bag)]) == 1
    assert '--box x0 y0 x1 y1' in capsys.readouterr().out.replace('\n', ' ')
    assert (tmp_path / 'out' / 'first_image.png').is_file()


def test_the_next_run_replaces_its_own_files_and_no_others(
    blobs_followed: None, blob_bag: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'notes.txt').write_text('mine')
    for _ in range(2):
        assert main(['--out', str(out), '--bag', str(blob_bag), '--rate', '4']) == 0
    assert {path.name for path in out.iterdir()} == LEFT_BEHIND | {'notes.txt'}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--bag', 'nowhere'], 'nowhere, which is not there'),
        (['--clip', 'nowhere'], 'meta.json'),
        (['--bag', 'BAG', '--topic', '/x'], 'image topic /x'),
        (['--bag', 'BAG', '--rate', '0'], 'rate > 0'),
        (['--bag', 'BAG', '--param', 'x'], 'NAME:=VALUE'),
        (['--bag', 'BAG', '--prompts', 'nowhere.yaml'], 'nowhere.yaml'),
    ],
)
def test_what_cannot_be_used_is_an_error_of_one_sentence(
    arguments: list[str], message: str, blob_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(blob_bag) if argument == 'BAG' else argument for argument in arguments]
    assert main(['--out', str(tmp_path / 'out'), *arguments]) == 1
    output = ' '.join(capsys.readouterr().out.split())
    assert output.startswith('error: ')
    assert message in output


@pytest.mark.slow
def test_the_shipped_model_tracks_a_short_phantom(
    ros_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    write_phantom_bag(
        tmp_path / 'bag', preset('surgery', height=180, width=240, frames=50), seed=2**31 + 2, kind='mask'
    )
    assert main(['--out', str(tmp_path / 'out'), '--bag', str(tmp_path / 'bag'), '--step']) == 0
    report = report_in(tmp_path / 'out')
    assert report['frames_in'] == 50
    assert report['frames_tracked'] == 50
    with BagReader(tmp_path / 'out' / 'recording') as bag:
        assert bag.count('/sam2s_tracker/tracks') == report['frames_tracked']

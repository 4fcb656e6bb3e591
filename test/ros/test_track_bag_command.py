"""The command: which recordings it finds, what it refuses, and what it answers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from sam2s_ros.bag_io import BagReader, UnreadableBag
from sam2s_ros.offline.command import _parameters
from sam2s_ros.offline.recordings import NoPrompts, find_recordings
from sam2s_ros.track_bag import main

SMALL = ['--param', 'model.image_size:=64', '--param', 'model.threads:=1']


def test_a_single_bag_fills_the_folder_itself(blob_bag: Path, tmp_path: Path) -> None:
    (found,) = find_recordings([blob_bag], None, tmp_path / 'out')
    assert (found.bag, found.script, found.out) == (blob_bag, blob_bag / 'prompts.yaml', tmp_path / 'out')


def test_the_bags_of_a_folder_get_folders_of_their_own(blob_bag: Path, tmp_path: Path) -> None:
    shutil.copytree(blob_bag, tmp_path / 'all' / 'monday' / 'one')
    (tmp_path / 'all' / 'two.bag').touch()
    (tmp_path / 'all' / 'two.prompts.yaml').touch()
    found = find_recordings([tmp_path / 'all'], None, tmp_path / 'out')
    assert [(r.bag.name, r.script.name, r.out.relative_to(tmp_path)) for r in found] == [
        ('one', 'prompts.yaml', Path('out/monday/one')),
        ('two.bag', 'two.prompts.yaml', Path('out/two')),
    ]


def test_a_script_may_be_for_all(blob_bag: Path, tmp_path: Path) -> None:
    (found,) = find_recordings([blob_bag.parent], tmp_path / 'script.yaml', tmp_path / 'out')
    assert found.script == tmp_path / 'script.yaml'


def test_a_bag_without_prompts_is_refused_with_the_place_for_them(blob_bag: Path, tmp_path: Path) -> None:
    (blob_bag / 'prompts.yaml').unlink()
    with pytest.raises(NoPrompts, match=r'write .*blobs/prompts\.yaml or give --prompts'):
        find_recordings([blob_bag], None, tmp_path / 'out')


def test_a_folder_without_bags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBag, match='expected a recording or a folder of recordings'):
        find_recordings([tmp_path], None, tmp_path / 'out')


def test_two_bags_of_one_name_are_refused(blob_bag: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='blobs twice'):
        find_recordings([blob_bag, shutil.copytree(blob_bag, tmp_path / 'other' / 'blobs')], None, tmp_path / 'out')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--topic', '/nowhere'], 'expected image topic /nowhere'),
        (['--param', 'model.sise:=lite'], 'expected --param NAME:=VALUE of config/tracker.yaml'),
        (['--param', 'tracking.max_objects:=0'], 'tracking.max_objects: expected 1 to 254, came 0'),
        (['--prompts', 'nowhere.yaml'], 'nowhere.yaml'),
    ],
)
def test_what_cannot_be_used_is_named(
    blob_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([str(blob_bag), '--out', str(tmp_path / 'out'), *arguments]) == 1
    assert message in ' '.join(capsys.readouterr().out.split())


def test_masks_are_read_again_on_every_image_unless_something_else_is_asked_for() -> None:
    assert [_parameters(given, 1).model.look_turn for given in ([], ['model.look_turn:=3'])] == [1, 3]


def test_two_processes_track_two_bags_and_one_that_fails_does_not_stop_the_other(
    blob_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(blob_bag, tmp_path / 'all' / 'good')
    damaged = shutil.copytree(blob_bag, tmp_path / 'all' / 'damaged')
    mcap = next(damaged.glob('*.mcap'))
    mcap.write_bytes(mcap.read_bytes()[:2000])
    assert main([str(tmp_path / 'all'), '--out', str(tmp_path / 'out'), '--jobs', '2', *SMALL]) == 1
    told = ' '.join(capsys.readouterr().out.split())
    assert '25 images' in told
    assert 'damaged: error:' in told
    with BagReader(tmp_path / 'out' / 'good' / 'recording') as written:
        assert written.count('/sam2s_tracker/tracks') == 25


def test_ctrl_c_stops_all_processes_without_a_traceback(blob_bag: Path, tmp_path: Path) -> None:
    for name in ('one', 'other'):
        shutil.copytree(blob_bag, tmp_path / 'all' / name)
    command = [sys.executable, '-m', 'sam2s_ros.track_bag', str(tmp_path / 'all'), '--out', str(tmp_path / 'out')]
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen([*command, '--jobs', '2'], stdout=log, stderr=log, start_new_session=True)
    parts = [tmp_path / 'out' / name / '.parts' for name in ('one', 'other')]
    deadline = time.monotonic() + 240
    while not all(part.is_dir() for part in parts) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    code, told = process.wait(120), (tmp_path / 'log').read_text()
    assert code == 130 and 'interrupted' in told and 'Traceback' not in told, told

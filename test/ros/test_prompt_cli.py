"""`ros2 run sam2s_ros prompt`: every command does what it says and says what it did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import LEFT, RIGHT, ids, track
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import TrackEvent
from sam2s_ros import prompt_cli

pytestmark = pytest.mark.ros

SECOND = 1_000_000_000


class Shell:
    """Runs the command in this process; its exit code and what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str]:
        self._capsys.readouterr()
        code = prompt_cli.main([str(word) for word in words])
        out, err = self._capsys.readouterr()
        return code, (err if code else out).strip()


@pytest.fixture
def shell(ros_domain: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    return Shell(capsys)


@pytest.fixture
def tracker(start_tracker: Callable[..., Any]) -> TrackerInProcess:
    tracker = start_tracker()
    track(tracker, SECOND)
    return tracker


def click(place: tuple[int, int]) -> str:
    return f'{place[0]},{place[1]}'


def test_objects_are_added_listed_renamed_and_removed(tracker: TrackerInProcess, shell: Shell) -> None:
    assert shell('list') == (0, 'nothing is tracked')
    assert shell('--points', click(LEFT), '--id', 'psm1', '--label', 'grasper') == (
        0,
        'psm1: slot 1, quality 0.90, 197 pixels',
    )
    assert shell('--points', click(RIGHT))[0] == 0
    code, listed = shell('list')
    assert (code, listed.splitlines()[0]) == (0, 'psm1: grasper slot 1, TENTATIVE (just prompted)')
    assert shell('rename', 'psm1', 'hook')[0] == 0
    assert shell('list')[1].startswith('psm1: hook')
    assert shell('remove', 'psm1') == (0, 'removed: psm1')
    assert ids(track(tracker, 2 * SECOND)) == ['1']
    assert shell('remove') == (0, 'removed: 1')


def test_a_preview_leaves_nothing_behind(tracker: TrackerInProcess, shell: Shell) -> None:
    code, found = shell('--points', click(LEFT), '--preview')
    assert code == 0 and '197 pixels' in found
    assert shell('list') == (0, 'nothing is tracked')


def test_switches(tracker: TrackerInProcess, shell: Shell) -> None:
    assert shell('pause') == (0, 'paused')
    tracker.wait_for_status(lambda status: status.paused)
    assert shell('resume') == (0, 'tracking')
    assert shell('freeze') == (0, 'memory is held')
    assert shell('thaw')[0] == shell('reset')[0] == 0


def test_sessions_are_saved_and_loaded(tracker: TrackerInProcess, shell: Shell) -> None:
    shell('--points', click(LEFT), '--id', 'psm1')
    code, path = shell('save', 'mine')
    assert code == 0 and Path(path).is_file()
    shell('reset')
    assert shell('load', 'mine') == (0, 'tracked now: psm1')


def test_the_name_of_the_node_may_come_first(tracker: TrackerInProcess, shell: Shell) -> None:
    assert shell('--timeout', '5', '--node', tracker.name, 'list') == (0, 'nothing is tracked')


def test_an_object_is_corrected_by_what_it_is_not(tracker: TrackerInProcess, shell: Shell) -> None:
    shell('--points', click(LEFT), '--id', 'psm1')
    assert shell('--background', click(RIGHT), '--id', 'psm1', '--mode', 'correct')[0] == 0
    tracker.wait_until(lambda: tracker.told(TrackEvent.OBJECT_CORRECTED) == ['psm1: was prompted again'])


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (('remove', 'nobody'), "refused (UNKNOWN_ID): 'nobody' is not tracked"),
        (('load', '../up'), 'refused (INVALID): expected a name'),
        (('--points', '5000,5'), 'refused (OUT_OF_IMAGE)'),
        (('list', '--node', 'elsewhere', '--timeout', '0.3'), 'nobody offers elsewhere/get_objects'),
    ],
)
def test_what_is_refused_ends_with_one_and_a_reason(
    tracker: TrackerInProcess, shell: Shell, words: tuple[str, ...], reason: str
) -> None:
    code, said = shell(*words)
    assert code == 1 and reason in said

"""A minute of `make soak`, with a tracker that needs no network; and its verdicts are right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import json

from soak_report import SoakRecord, report_of, verdicts

pytestmark = pytest.mark.ros
DRIVERS = Path(__file__).parents[1] / 'drivers'


@pytest.mark.slow
def test_a_minute_of_loops_prompts_resets_stopped_listeners_and_a_thousand_bad_requests(
    ros_domain: int, tmp_path: Path
) -> None:
    path = os.pathsep.join([str(DRIVERS), *filter(None, [os.environ.get('PYTHONPATH')])])
    command = [sys.executable, '-m', 'soak', '--minutes', '1', '--tracker', 'blob_tracker_node', '--latency', '2']
    done = subprocess.run(
        [*command, '--domain', str(ros_domain), '--out', str(tmp_path)],
        env=os.environ | {'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / 'report.json').read_text())
    assert (report['bad_requests'], report['wrong']) == (1000, [])
    assert report['loops'] >= 2
    assert report['stopped_listeners'] >= 3 and report['good_requests'] >= 20


def quiet_record() -> SoakRecord:
    """Ten seconds in which all is well."""
    record = SoakRecord(bad_requests=1000, answers=[0.1])
    record.results = [(0.04 * number, 0.05, 4) for number in range(250)]
    record.beats = [(0.1 * number, 300_000_000, 0) for number in range(100)]
    return record


def broken_by(change: str) -> list[bool]:
    record, exit_code = quiet_record(), 0
    if change == 'silence':
        record.results = [result for result in record.results if not 3 < result[0] < 6]
    elif change == 'no heartbeat':
        record.beats = record.beats[:50]
    elif change == 'error':
        record.beats[-1] = (9.9, 300_000_000, 1)
    elif change == 'wrong answer':
        record.wrong.append('nonsense was accepted')
    elif change == 'memory':
        record.beats[-1] = (9.9, 321_000_000, 0)
    elif change == 'latency':
        record.results = [(moment, 1.5 if moment > 9 else latency, 4) for moment, latency, _ in record.results]
    elif change == 'exit':
        exit_code = -signal.SIGKILL
    return list(verdicts(report_of(record, 10.0, exit_code), 1000, 1.0).values())


CHANGES = ['silence', 'no heartbeat', 'error', 'wrong answer', 'memory', 'latency', 'exit']


def test_a_quiet_day_holds() -> None:
    assert broken_by('nothing') == [True] * 7


@pytest.mark.parametrize('change', CHANGES)
def test_each_verdict_falls_for_its_own_reason(change: str) -> None:
    assert broken_by(change) == [name != change for name in CHANGES]


def test_memory_before_the_warm_up_is_over_does_not_count() -> None:
    record = quiet_record()
    record.beats[0] = (0.0, 100_000_000, 0)
    assert report_of(record, 10.0, 0).memory_drift == 0.0

"""Threads of the network sleep soon, and that is said in time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sam2s_ros.thread_waiting import SAID_BY, SPINS, wait_briefly


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SAID_BY:
        monkeypatch.setenv(name, 'forgotten afterwards')
        monkeypatch.delenv(name)


def test_threads_wait_briefly_unless_somebody_said_otherwise() -> None:
    wait_briefly()
    assert os.environ['GOMP_SPINCOUNT'] == str(SPINS)


@pytest.mark.parametrize('name', SAID_BY)
def test_what_the_environment_says_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, 'ACTIVE')
    wait_briefly()
    assert os.environ[name] == 'ACTIVE'
    assert sum(said in os.environ for said in SAID_BY) == 1


def test_a_node_loads_pytorch_only_when_it_is_configured() -> None:
    """Else it would be too late to say how threads wait."""
    code = 'import sys, sam2s_ros.tracker_node; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False, timeout=60).returncode == 0

"""Several processes learn what one would have learnt."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from sam2s_model.training.processes import average_gradients, join_processes

DRIVER = Path(__file__).resolve().parents[1] / 'drivers' / 'train_together.py'
ROOT = DRIVER.parents[2]


class Pair:
    """This process and another whose gradients are all ones."""

    device, rank, count = torch.device('cpu'), 0, 2

    def average(self, values: torch.Tensor) -> torch.Tensor:
        return (values + 1) / 2

    def wait(self) -> None:
        """The other one is always here."""


def start(folder: Path, rank: int, count: int, port: int) -> subprocess.Popen[str]:
    ranks = {'RANK': rank, 'LOCAL_RANK': rank, 'WORLD_SIZE': count, 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port}
    environment = {
        **os.environ,
        **{name: str(value) for name, value in ranks.items()},
        'ACCELERATE_USE_CPU': 'true',
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(DRIVER.parent), os.environ.get('PYTHONPATH', '')]),
    }
    command = [sys.executable, str(DRIVER), str(folder), str(2 // count)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def run_together(folder: Path, count: int) -> list[dict[str, str]]:
    """Two clips a step, shared by `count` processes; returns the log."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    processes = [start(folder, rank, count, port) for rank in range(count)]
    problems = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * count, problems
    with (folder / 'log.csv').open() as log:
        return list(csv.DictReader(log))


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_the_same_clips(tmp_path: Path) -> None:
    pytest.importorskip('accelerate')
    alone, together = (run_together(tmp_path / str(count), count) for count in (1, 2))
    for line, expected in zip(together, alone, strict=True):
        assert {key: float(value) for key, value in line.items()} == pytest.approx(
            {key: float(value) for key, value in expected.items()}, rel=1e-4
        )


def test_gradients_are_averaged_and_what_no_process_used_keeps_none() -> None:
    used = nn.Parameter(torch.zeros(2, 3))
    used.grad = torch.full((2, 3), 3.0)
    average_gradients(Pair(), [used])
    assert used.grad.tolist() == [[2.0] * 3] * 2


def test_alone_nothing_is_averaged() -> None:
    processes = join_processes('cpu')
    weight = nn.Parameter(torch.zeros(2))
    average_gradients(processes, [weight])
    assert processes.count == 1 and weight.grad is None

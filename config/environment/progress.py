"""Run a slow command with one line of progress; its output goes to a log and is shown only when it fails."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SHOWN_LINES = 15


class SetupProblem(Exception):
    """The set-up cannot go on; the message says what to do."""


def run_quietly(title: str, command: list[str], log: Path, folder: Path, variables: Mapping[str, str]) -> None:
    """Run `command` in `folder` to its end.

    Raises:
        SetupProblem: It failed; the message holds the last lines of the log.
    """
    started = time.monotonic()
    show(f'{title} …')
    with log.open('w') as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=dict(variables))
        try:
            wait_for(process, title, started)
        except KeyboardInterrupt:
            process.wait()
            raise
    if process.returncode:
        raise SetupProblem(f'failed: {title}\n{last_lines(log)}\nAll of it is in {log}')
    show(f'{title} … {time.monotonic() - started:.0f} s\n')


def wait_for(process: subprocess.Popen[bytes], title: str, started: float) -> None:
    while True:
        try:
            process.wait(timeout=1)
            return
        except subprocess.TimeoutExpired:
            if sys.stdout.isatty():
                show(f'{title} … {time.monotonic() - started:.0f} s')


def show(text: str) -> None:
    """On a terminal the line is written over; elsewhere only finished lines appear."""
    if sys.stdout.isatty():
        print(f'\r\033[K{text}', end='', flush=True)
    elif text.endswith('\n'):
        print(text, end='', flush=True)


def last_lines(log: Path) -> str:
    # pip warns about every empty place it is told to look at; that never is the reason.
    lines = [line for line in log.read_text(errors='replace').splitlines() if 'is ignored: it is neither' not in line]
    return '\n'.join(lines[-SHOWN_LINES:])

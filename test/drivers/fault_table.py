"""pytest plug-in of `make faults`: which rows of docs/faults.md their tests have shown to hold.

A test belongs to the rows in its name: `test_fault_17_points_…`, `test_fault_12_and_46_it_beats_…`, in whichever
file it stands. A row has passed when it has tests and all of them have; a skipped test has not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'faults.md'
LINE = re.compile(r'^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$', re.MULTILINE)
TEST = re.compile(r'\btest_fault_(\d+(?:_and_\d+)*)_\w+')
PASSED, FAILED, SKIPPED, MISSING = 'passed', 'FAILED', 'skipped', 'no test'


@dataclass(frozen=True)
class FaultRow:
    """A line of the table: what goes wrong, what the tracker then does, and the tests that show it."""

    number: int
    fault: str
    behaviour: str
    tests: tuple[str, ...]


def fault_rows(page: Path = PAGE) -> list[FaultRow]:
    """The table, in its order."""
    lines = LINE.findall(page.read_text(encoding='utf-8'))
    return [
        FaultRow(int(number), fault, behaviour, tuple(match.group() for match in TEST.finditer(tests)))
        for number, fault, behaviour, tests in lines
    ]


def rows_of(test: str) -> tuple[int, ...]:
    """The rows that a test's name or node id speaks of."""
    match = TEST.search(test.rpartition('::')[2])
    return tuple(map(int, match[1].split('_and_'))) if match else ()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FaultTable(), 'fault-rows')


class FaultTable:
    """Follows one run of pytest."""

    def __init__(self) -> None:
        self._outcomes: dict[int, dict[str, str]] = defaultdict(dict)  # the last outcome of each test, by row

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a test ended; a second chance that was taken counts."""
        if report.outcome == 'passed' and report.when != 'call':
            return
        for row in rows_of(report.nodeid):
            self._outcomes[row][report.nodeid] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the rows and, last, how many have passed."""
        rows = fault_rows()
        terminalreporter.section('faults')
        for row in rows:
            terminalreporter.write_line(f'{row.number:2}  {self._result(row.number):8} {row.fault}: {row.behaviour}')
        passed = sum(self._result(row.number) == PASSED for row in rows)
        terminalreporter.write_line(f'{passed} of {len(rows)} passed')

    def _result(self, row: int) -> str:
        outcomes = set(self._outcomes[row].values())
        if not outcomes:
            return MISSING
        if outcomes <= {'passed', 'skipped'}:
            return SKIPPED if 'skipped' in outcomes else PASSED
        return FAILED

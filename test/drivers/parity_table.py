"""pytest plug-in of `make parity`: measure the rows that are not known yet, then print and write the whole table.

A row is known when its test has passed before on the same code. What has been measured survives an interruption.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from parity_report import Entry, document
from parity_row import Row
from parity_sources import ROOT, digest_of

CACHE = ROOT / '.cache' / 'parity'
HOLDS, FAILS = 'holds', '**FAILS**'


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--parity-table', type=Path, required=False, help='write the table to this Markdown file')


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ParityTable(config.getoption('--parity-table')), 'parity-rows')


class ParityTable:
    """Follows one run of pytest."""

    def __init__(self, page: Path | None) -> None:
        self._page = page
        self._tests: dict[str, Path] = {}  # file in the cache of each row's test, by node id
        self._digests: set[str] = set()
        self._unknown: dict[str, list[Entry]] = {}  # what has been found now and is no parity

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the tests whose rows are known."""
        of_table = [item for item in items if item.get_closest_marker('parity')]
        for item in of_table:
            digest = digest_of(item.path)
            self._digests.add(digest)
            self._tests[item.nodeid] = CACHE / f'{sha256(f"{item.nodeid}{digest}".encode()).hexdigest()}.json'
        known = [item for item in of_table if self._tests[item.nodeid].is_file()]
        items[:] = [item for item in items if item not in known]
        config.hook.pytest_deselected(items=known)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the rows of a test that has passed; note why another has none."""
        if report.nodeid not in self._tests:
            return
        rows = [row for name, row in report.user_properties if name == 'parity' and isinstance(row, Row)]
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else 'skipped'
            self._unknown[report.nodeid] = _unmeasured(report.nodeid, reason.removeprefix('Skipped: '))
        elif report.failed:
            self._unknown[report.nodeid] = [Entry(row, FAILS, _today()) for row in rows] or _unmeasured(
                report.nodeid, FAILS
            )
        elif report.when == 'teardown' and report.nodeid not in self._unknown:
            _keep(self._tests[report.nodeid], rows)

    def pytest_sessionfinish(self, session: Any) -> None:
        """That every row is known already is no failure."""
        if self._tests and not session.testscollected and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it where it was asked for."""
        if not self._tests:
            return
        code = sha256(''.join(sorted(self._digests)).encode()).hexdigest()
        entries = [entry for test in self._tests for entry in self._entries(test)]
        page = document(entries, code)
        terminalreporter.section('parity')
        terminalreporter.write_line(page[page.index('Measured') :])
        if self._page is not None:
            self._page.parent.mkdir(exist_ok=True)
            self._page.write_text(page)

    def _entries(self, test: str) -> list[Entry]:
        file = self._tests[test]
        if test in self._unknown:
            return self._unknown[test]
        return _read(file) if file.is_file() else _unmeasured(test, 'not run yet')


def _keep(file: Path, rows: Iterable[Row]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {'day': _today(), 'rows': [asdict(row) for row in rows]}
    temporary = file.with_suffix('.tmp')
    temporary.write_text(json.dumps(content))
    temporary.replace(file)


def _read(file: Path) -> list[Entry]:
    content = json.loads(file.read_text())
    return [Entry(Row(**row), HOLDS, content['day']) for row in content['rows']]


def _unmeasured(test: str, reason: str) -> list[Entry]:
    """A line for a test without a result, under the heading it would have."""
    section = 'Whole videos, random weights' if 'test_video_parity' in test else 'Parts'
    section = 'Whole videos, trained weights' if 'test_trained_parity' in test else section
    return [Entry(Row('Clips' if 'clip' in test else section, test.split('::')[-1], ''), reason, '')]


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()

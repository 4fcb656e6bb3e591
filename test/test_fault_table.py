"""docs/faults.md has all fifty rows, the tests that it names exist, and `make faults` counts what they have shown."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from fault_table import FaultRow, FaultTable, fault_rows, rows_of

TESTS = Path(__file__).resolve().parent


@cache
def existing_tests() -> frozenset[str]:
    return frozenset(
        name
        for file in TESTS.rglob('test_*.py')
        for name in re.findall(r'^def (test_fault_\w+)', file.read_text(encoding='utf-8'), flags=re.MULTILINE)
    )


def test_the_table_has_the_rows_1_to_50() -> None:
    assert [row.number for row in fault_rows()] == list(range(1, 51))


@pytest.mark.parametrize('row', fault_rows(), ids=lambda row: str(row.number))
def test_the_tests_of_a_row_exist_and_bear_its_number(row: FaultRow) -> None:
    assert set(row.tests) <= existing_tests()
    assert all(row.number in rows_of(test) for test in row.tests)


@pytest.mark.parametrize(
    ('test', 'rows'),
    [
        ('test/ros/test_x.py::test_fault_07_images_grow', (7,)),
        ('test/ros/test_x.py::test_fault_12_and_46_it_beats[True]', (12, 46)),
        ('test/ros/test_fault_matrix_images.py::test_something_else', ()),
    ],
)
def test_rows_are_read_from_the_names_of_tests(test: str, rows: tuple[int, ...]) -> None:
    assert rows_of(test) == rows


def summary_after(*reports: tuple[str, str, str]) -> list[str]:
    table, lines = FaultTable(), []
    for name, when, outcome in reports:
        table.pytest_runtest_logreport(SimpleNamespace(nodeid=f'a.py::{name}', when=when, outcome=outcome))  # type: ignore[arg-type]
    table.pytest_terminal_summary(SimpleNamespace(section=lines.append, write_line=lines.append))
    return lines


def test_a_row_passes_only_when_all_its_tests_do() -> None:
    lines = summary_after(
        ('test_fault_01_a', 'call', 'passed'),
        ('test_fault_02_a', 'call', 'passed'),
        ('test_fault_02_b', 'call', 'failed'),
        ('test_fault_03_a', 'setup', 'skipped'),
        ('test_fault_04_a', 'call', 'rerun'),
        ('test_fault_04_a', 'call', 'passed'),
        ('test_fault_05_a', 'call', 'passed'),
        ('test_fault_05_a', 'teardown', 'failed'),
    )
    assert [line[4:11].strip() for line in lines[1:7]] == ['passed', 'FAILED', 'skipped', 'passed', 'FAILED', 'no test']
    assert lines[-1] == '2 of 50 passed'

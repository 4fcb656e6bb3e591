"""The parity table: what becomes one line, and when a row must be measured again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import parity_sources
import pytest
from parity_report import Entry, document, table
from parity_row import Row

DECODER = Row('Parts', 'mask decoder', 'tiny', 256, compared='4 maps', difference=2e-6, bound='1e-04')


def entry(row: Row = DECODER, verdict: str = 'holds') -> Entry:
    return Entry(row, verdict, '2026-11-23')


def test_cases_of_one_part_become_one_line_with_the_worst_difference() -> None:
    (line,) = table([entry(), entry(replace(DECODER, difference=7e-6))])[2:]
    assert '2 cases' in line and '7.0e-06' in line and 'holds' in line


def test_one_failing_case_fails_its_line() -> None:
    (line,) = table([entry(), entry(verdict='**FAILS**')])[2:]
    assert line.endswith('| **FAILS** |') and 'holds' not in line


def test_other_sizes_are_other_lines() -> None:
    assert len(table([entry(), entry(replace(DECODER, side=512))])[2:]) == 2


def test_the_page_says_when_it_was_measured_and_on_which_code() -> None:
    page = document([entry(), Entry(DECODER, 'not run yet', '')], code='0123456789abcdef')
    assert 'Measured 2026-11-23;' in page and '`0123456789ab`' in page and 'not run yet' in page


SOURCE = 'def area(side):\n    return side * side\n'


@pytest.mark.parametrize(
    ('changed', 'counts'),
    [
        ('# Squares only.\n' + SOURCE, False),
        (SOURCE.replace('    return', '    """Of a square."""\n    return'), False),
        (SOURCE.replace('side * side', 'side + side'), True),
    ],
    ids=['comment', 'docstring', 'code'],
)
def test_a_row_is_measured_again_only_for_another_meaning(tmp_path: Path, changed: str, counts: bool) -> None:
    before, after = tmp_path / 'before.py', tmp_path / 'after.py'
    before.write_text(SOURCE)
    after.write_text(changed)
    assert (parity_sources._meaning(before) != parity_sources._meaning(after)) == counts


def test_a_row_stands_on_what_its_test_imports_also_through_others() -> None:
    reached = parity_sources._reached(Path(__file__).parent / 'test_video_parity.py')
    names = {path.name for path in reached}
    assert {'tracker.py', 'rope_attention.py', 'parity_streams.py'} <= names
    assert 'clip_loss.py' not in names

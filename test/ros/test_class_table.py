"""Class numbers come from a file and are never changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sam2s_ros.class_table import LAST_CLASS_ID, BadLabelsFile, ClassTable, load_class_table

SHIPPED = Path(__file__).parents[2] / 'config' / 'labels.yaml'


def test_the_shipped_labels_file_is_valid() -> None:
    assert load_class_table(SHIPPED).id_of('grasper') == 1


def test_every_class_of_the_shipped_instrument_bank_has_a_number() -> None:
    table = load_class_table(SHIPPED)
    instruments = yaml.safe_load((SHIPPED.parent / 'instruments.yaml').read_text())['classes']
    assert all(map(table.id_of, instruments))


def test_an_unknown_label_has_number_zero_until_it_is_added() -> None:
    table = ClassTable({'grasper': 1, 'needle': 7})
    assert table.id_of('hook') == 0
    table.add('hook')
    assert table.id_of('hook') == 8
    table.add('grasper')
    assert table.id_of('grasper') == 1


def test_an_empty_label_gets_no_number() -> None:
    table = ClassTable()
    table.add('')
    assert table.ids == {}


def test_an_underscore_in_a_name_counts_as_a_space() -> None:
    table = ClassTable({'needle_driver': 3})
    table.add('needle driver')
    assert table.id_of('needle driver') == table.id_of('needle_driver') == 3


def test_no_number_is_given_beyond_the_last() -> None:
    table = ClassTable({'last': LAST_CLASS_ID})
    table.add('one more')
    assert table.id_of('one more') == 0


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('', 'expected "classes:"'),
        ('classes: [grasper]', 'expected "classes:"'),
        ('classes: {grasper: 0}', "'grasper': 0"),
        ('classes: {grasper: 255}', "'grasper': 255"),
        ('classes: {grasper: true}', "'grasper': True"),
        ('classes: {3: 3}', '3: 3'),
        ('classes: {a: 1, b: 1}', 'same number'),
        ('classes: {a: [', 'not valid YAML'),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / 'labels.yaml'
    path.write_text(text)
    with pytest.raises(BadLabelsFile, match=reason):
        load_class_table(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.yaml'):
        load_class_table(tmp_path / 'nowhere.yaml')

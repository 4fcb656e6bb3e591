"""The parameters are what config/tracker.yaml says, each with a description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sam2s_ros.parameters import FIELDS, GROUPS, parameters_from, values_of

CONFIG = Path(__file__).parents[2] / 'config' / 'tracker.yaml'


def flat(tree: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    named = {}
    for name, value in tree.items():
        named |= flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {prefix + name: value}
    return named


def test_the_config_file_names_every_parameter_with_its_default() -> None:
    written = flat(yaml.safe_load(CONFIG.read_text(encoding='utf-8'))['/**']['ros__parameters'])
    assert written == {name: named.default for name, named in FIELDS.items()}


def test_the_config_file_marks_what_may_change_live() -> None:
    lines = CONFIG.read_text(encoding='utf-8').splitlines()
    marked = [line.split(':')[0].strip() for line in lines if '# *' in line]
    assert marked == [name.rpartition('.')[2] for name in in_file_order() if FIELDS[name].is_live]


def in_file_order() -> list[str]:
    return list(flat(yaml.safe_load(CONFIG.read_text(encoding='utf-8'))['/**']['ros__parameters']))


def test_every_parameter_has_a_description_and_a_default_of_its_range() -> None:
    for named in FIELDS.values():
        assert named.description, named.name
        assert named.limits is None or named.limits[0] <= named.default <= named.limits[1], named.name
        assert not named.choices or named.default in named.choices, named.name


def test_names_are_those_of_group_and_field_unless_everybody_knows_another() -> None:
    assert {name for name in FIELDS if '.' not in name} == {'image_transport', 'autostart'}
    assert {name.partition('.')[0] for name in FIELDS if '.' in name} == set(GROUPS) - {'start'}


def test_parameters_have_the_values_that_are_given_and_defaults_else() -> None:
    parameters = parameters_from({'overlay.alpha': 0.2, 'image_transport': 'raw'})
    assert (parameters.overlay.alpha, parameters.input.transport) == (0.2, 'raw')
    assert parameters.tracking == parameters_from({}).tracking


def test_values_and_parameters_are_two_views_of_the_same() -> None:
    values = {name: named.default for name, named in FIELDS.items()} | {'queue.depth': 7}
    assert values_of(parameters_from(values)) == values


def test_only_a_queue_that_takes_all_has_a_depth() -> None:
    assert parameters_from({'queue.depth': 9}).queue.waiting_images == 1
    assert parameters_from({'queue.depth': 9, 'queue.policy': 'all'}).queue.waiting_images == 9

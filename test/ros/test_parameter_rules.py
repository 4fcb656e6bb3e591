"""Values are checked one by one and together; the reason is one sentence that names the parameter."""

from __future__ import annotations

from typing import Any

import pytest

from sam2s_ros.parameter_rules import check_together, checked_value
from sam2s_ros.parameters import FIELDS, BadParameter, parameters_from


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('tracking.max_objects', 0, 'expected 1 to 254, came 0'),
        ('tracking.max_objects', 'four', "expected int, came 'four'"),
        ('tracking.max_objects', True, 'expected int, came True'),
        ('overlay.alpha', 1.5, 'expected 0.0 to 1.0, came 1.5'),
        ('overlay.alpha', 2, 'expected 0.0 to 1.0, came 2.0'),
        ('overlay.alpha', float('nan'), 'expected 0.0 to 1.0, came nan'),
        ('overlay.alpha', float('inf'), 'expected 0.0 to 1.0, came inf'),
        ('image_transport', 'pigeon', "expected one of raw, compressed, auto, came 'pigeon'"),
        ('model.size', 'huge', "came 'huge'"),
        ('watchdog.exit', 1, 'expected bool, came 1'),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name: str, value: Any, reason: str) -> None:
    with pytest.raises(BadParameter, match=f'^{name}: ') as caught:
        checked_value(FIELDS[name], value)
    assert reason in str(caught.value)


def test_an_integer_will_do_for_a_real_number() -> None:
    alpha = checked_value(FIELDS['overlay.alpha'], 1)
    assert (alpha, type(alpha)) == (1.0, float)


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'model.size': 'tiny'}, 'model.size: tiny is shipped without weights'),
        ({'model.sha256': 'abc'}, 'model.sha256: expected 64 hexadecimal digits'),
        ({'queue.policy': 'all', 'queue.depth': 65}, 'queue.depth: 65 images may wait'),
        ({'watchdog.timeout': 61.0}, 'watchdog.first_timeout: expected at least'),
    ],
)
def test_values_that_do_not_fit_together_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadParameter, match=f'^{reason}'):
        check_together(parameters_from(values))


@pytest.mark.parametrize(
    'values',
    [
        {},
        {'model.size': 'tiny', 'model.checkpoint': 'sam2.1_hiera_tiny.pt'},
        {'model.sha256': 'aB' * 32},
        {'queue.depth': 1000},
        {'queue.policy': 'all', 'queue.depth': 1000, 'input.buffer_frames': 1000},
    ],
)
def test_values_that_fit_together_pass(values: dict[str, Any]) -> None:
    check_together(parameters_from(values))

"""Diagnostics have one status for each part, and its level says whether a person should look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('diagnostic_msgs.msg')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from sam2s_ros.diagnostics import diagnostics
from sam2s_ros.health import Health, InputHealth, InputState, NodeState, ObjectCounts, WatchState, WorkHealth

WELL = Health(
    NodeState.ACTIVE,
    input=InputHealth(InputState.FLOWING, '/camera', rate=25.0),
    work=WorkHealth(rate=25.0, objects=ObjectCounts(tracked=2, actionable=2)),
)


def levels(health: Health) -> dict[str, bytes]:
    return {
        status.name.partition(': ')[2]: status.level
        for status in diagnostics(health, '/or1/sam2s_tracker', Time()).status
    }


def test_a_healthy_tracker_is_ok_in_every_part() -> None:
    assert levels(WELL) == dict.fromkeys(
        ('state', 'input', 'inference', 'objects', 'model', 'requests'), DiagnosticStatus.OK
    )


def test_names_begin_with_the_node() -> None:
    assert diagnostics(WELL, '/or1/sam2s_tracker', Time()).status[0].name == 'or1/sam2s_tracker: state'


@pytest.mark.parametrize(
    ('part', 'change', 'level'),
    [
        ('state', {'problems': ('no images arrive',)}, DiagnosticStatus.WARN),
        ('input', {'input': InputHealth(InputState.NO_IMAGE)}, DiagnosticStatus.STALE),
        ('input', {'input': InputHealth(InputState.STALE, '/camera', age_s=2.0)}, DiagnosticStatus.WARN),
        ('inference', {'work': WorkHealth(watch=WatchState.WORKER_DEAD)}, DiagnosticStatus.ERROR),
        ('inference', {'work': WorkHealth(rate=25.0, degradations=('on the CPU',))}, DiagnosticStatus.WARN),
        ('inference', {'work': WorkHealth(rate=12.0)}, DiagnosticStatus.WARN),
        ('inference', {'work': WorkHealth(rate=13.0)}, DiagnosticStatus.OK),
        ('objects', {'work': WorkHealth(objects=ObjectCounts(tracked=2, to_reprompt=1))}, DiagnosticStatus.WARN),
    ],
)
def test_what_is_wrong_shows_in_its_part(part: str, change: dict[str, Any], level: bytes) -> None:
    assert levels(replace(WELL, **change))[part] == level


def test_a_node_that_takes_no_images_misses_none() -> None:
    assert levels(Health(NodeState.INACTIVE))['input'] == DiagnosticStatus.OK

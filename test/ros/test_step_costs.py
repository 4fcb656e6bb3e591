"""Every step of the node beside the network can be measured by itself."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from sam2s_ros.step_costs import measure, steps_of


def test_every_step_is_measured_and_has_a_budget() -> None:
    steps = steps_of(120, 160)
    costs = measure(steps, rounds=2)
    assert [cost.step.name for cost in costs] == [step.name for step in steps]
    assert all(step.budget_ms > 0 for step in steps)
    assert all(0 <= cost.median_ms <= cost.p95_ms for cost in costs)


def test_the_session_has_four_objects_to_tell_of() -> None:
    works = {step.name: step.work for step in steps_of(120, 160)}
    tracked = works['session: decode rgb8, look, run lengths, states']()
    assert len(tracked.objects) == 4  # type: ignore[attr-defined]

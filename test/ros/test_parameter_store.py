"""Parameters are declared with ranges, and a set of changes is taken as a whole or refused with one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

pytest.importorskip('rclpy')

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from sam2s_ros.parameter_store import ParameterStore
from sam2s_ros.parameters import FIELDS, BadParameter, Parameters


class Desk:
    """A node with parameters as a launch file would set them, and what is heard of their changes."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.is_configured = True
        self.refusal = ''
        self.heard: list[tuple[Parameters, Sequence[str]]] = []
        self.store = ParameterStore(
            node, lambda: self.is_configured, lambda _: self.refusal, lambda *change: self.heard.append(change)
        )

    def set(self, **values: Any) -> SetParametersResult:
        changes = [Parameter(name.replace('__', '.'), value=value) for name, value in values.items()]
        return self.node.set_parameters_atomically(changes)


@pytest.fixture(scope='module')
def context(ros_domain: int) -> Iterator[rclpy.Context]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    yield context
    context.try_shutdown()


MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(context: rclpy.Context) -> Iterator[MakeDesk]:
    nodes: list[Node] = []

    def make(**given: Any) -> Desk:
        overrides = [Parameter(name.replace('__', '.'), value=value) for name, value in given.items()]
        nodes.append(Node('desk', context=context, parameter_overrides=overrides, use_global_arguments=False))
        return Desk(nodes[-1])

    yield make
    for node in nodes:
        node.destroy_node()


def test_every_parameter_is_described_with_its_range_and_when_it_may_change(desk: MakeDesk) -> None:
    node = desk().node
    for name, named in FIELDS.items():
        descriptor = node.describe_parameter(name)
        ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
        assert descriptor.description == named.description
        assert [(limit.from_value, limit.to_value) for limit in ranges] == ([named.limits] if named.limits else [])
        assert all(choice in descriptor.additional_constraints for choice in named.choices)
        assert named.is_live == (' unconfigured' not in descriptor.additional_constraints) or descriptor.read_only


def test_what_is_given_is_read(desk: MakeDesk) -> None:
    parameters = desk(model__device='cpu', overlay__alpha=1, tracking__max_objects=3).store.current
    assert (parameters.model.device, parameters.overlay.alpha, parameters.tracking.max_objects) == ('cpu', 1.0, 3)


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ({'tracking__max_objects': 255}, 'tracking.max_objects'),
        ({'tracking__max_objects': 'four'}, 'tracking.max_objects'),
        ({'overlay__alpha': 1.5}, 'overlay.alpha'),
        ({'overlay__alpha': float('nan')}, 'overlay.alpha'),
        ({'image_transport': 'pigeon'}, 'image_transport: expected one of raw, compressed, auto'),
        ({'model__chekpoint': 'x'}, 'unknown parameter model.chekpoint'),
        ({'model__size': 'tiny'}, 'model.size: tiny is shipped without weights'),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(desk: MakeDesk, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadParameter, match=reason):
        desk(**given)


def test_parameters_of_other_nodes_in_a_shared_file_are_let_pass(desk: MakeDesk) -> None:
    assert desk(use_sim_time=True, camera__gain=3).store.current == desk().store.current


def test_a_live_change_is_taken_and_told_once(desk: MakeDesk) -> None:
    subject = desk()
    assert subject.set(overlay__alpha=0.25, tracking__max_objects=5, services__max_wait=5.0).successful
    assert subject.store.current.overlay.alpha == 0.25
    assert [changed for _, changed in subject.heard] == [['tracking.max_objects', 'overlay.alpha']]


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'overlay__alpha': 0.9, 'tracking__max_objects': 0}, 'tracking.max_objects'),
        ({'overlay__alpha': 0.9, 'image_transport': 'pigeon'}, 'image_transport: expected one of'),
        ({'overlay__alpha': 0.9, 'tracking__max_objects': 'four'}, 'tracking.max_objects'),
        ({'overlay__alpha': 0.9, 'watchdog__timeout': 600.0}, 'watchdog.first_timeout: expected at least'),
        ({'overlay__alpha': 0.9, 'model__device': 'cpu'}, 'model.device: can change only while the node is unconf'),
        ({'overlay__alpha': 0.9, 'autostart': False}, 'autostart'),
    ],
)
def test_fault_40_a_set_with_one_bad_value_changes_nothing_and_hears_one_sentence(
    desk: MakeDesk, changes: dict[str, Any], reason: str
) -> None:
    subject = desk()
    before = subject.store.current
    result = subject.set(**changes)
    assert not result.successful
    assert reason in result.reason and '\n' not in result.reason
    assert (subject.store.current, subject.heard) == (before, [])
    assert subject.node.get_parameter('overlay.alpha').value == 0.45


def test_fixed_parameters_may_change_while_the_node_is_unconfigured(desk: MakeDesk) -> None:
    subject = desk()
    subject.is_configured = False
    assert subject.set(model__checkpoint='w.pt', model__size='tiny', queue__policy='all').successful
    assert subject.store.current.model.size == 'tiny'


def test_setting_a_fixed_parameter_to_the_value_that_it_has_is_no_change(desk: MakeDesk) -> None:
    subject = desk()
    assert subject.set(model__device='auto').successful
    assert subject.heard == []


def test_what_does_not_fit_the_moment_is_refused(desk: MakeDesk) -> None:
    subject = desk()
    subject.refusal = 'tracking.max_objects: 4 objects are tracked, came 3; remove some first'
    assert subject.set(tracking__max_objects=3).reason == subject.refusal

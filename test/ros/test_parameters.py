"""Parameters are declared from dataclasses, checked, and as config/tracker.yaml says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip('rclpy')

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from sam2s_model import PRECISIONS
from sam2s_ros.parameters import BadParameter, ModelParameters, Parameters, declare_parameters, parameter_name

CONFIG = Path(__file__).parents[2] / 'config' / 'tracker.yaml'


class NodeMaker:
    """Makes nodes with parameters as a launch file would set them."""

    def __init__(self, domain: int) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.nodes: list[Node] = []

    def __call__(self, **given: Any) -> Node:
        overrides = [Parameter(name.replace('__', '.'), value=value) for name, value in given.items()]
        node = Node('parameters', context=self.context, parameter_overrides=overrides, use_global_arguments=False)
        self.nodes.append(node)
        return node

    def close(self) -> None:
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(scope='module')
def node(ros_domain: int) -> Iterator[NodeMaker]:
    maker = NodeMaker(ros_domain)
    yield maker
    maker.close()


def names_of(parameters: Parameters) -> dict[str, Any]:
    return {
        parameter_name(group.name, spec): getattr(getattr(parameters, group.name), spec.name)
        for group in fields(parameters)
        for spec in fields(getattr(parameters, group.name))
    }


def flat(tree: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    named = {}
    for name, value in tree.items():
        named |= flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {prefix + name: value}
    return named


def test_the_config_file_names_every_parameter_with_its_default(node: NodeMaker) -> None:
    written = flat(yaml.safe_load(CONFIG.read_text(encoding='utf-8'))['/**']['ros__parameters'])
    assert written == names_of(declare_parameters(node()))


def test_every_parameter_has_a_description_and_is_read_only(node: NodeMaker) -> None:
    subject = node()
    for name in names_of(declare_parameters(subject)):
        descriptor = subject.describe_parameter(name)
        assert descriptor.description and descriptor.read_only, name


def test_what_is_given_is_read(node: NodeMaker) -> None:
    parameters = declare_parameters(node(model__device='cpu', overlay__alpha=0.2, tracking__max_objects=3))
    assert (parameters.model.device, parameters.overlay.alpha, parameters.tracking.max_objects) == ('cpu', 0.2, 3)


def test_the_precisions_are_those_of_the_model() -> None:
    (precision,) = (spec for spec in fields(ModelParameters) if spec.name == 'precision')
    assert precision.metadata['choices'] == PRECISIONS


def test_an_integer_will_do_for_a_real_number(node: NodeMaker) -> None:
    alpha = declare_parameters(node(overlay__alpha=1)).overlay.alpha
    assert (alpha, type(alpha)) == (1.0, float)


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ({'tracking__max_objects': 0}, 'tracking.max_objects'),
        ({'tracking__max_objects': 255}, 'tracking.max_objects'),
        ({'tracking__max_objects': 'four'}, 'tracking.max_objects'),
        ({'overlay__alpha': 1.5}, 'overlay.alpha'),
        ({'overlay__alpha': 2}, 'overlay.alpha'),
        ({'overlay__alpha': float('nan')}, 'overlay.alpha'),
        ({'overlay__alpha': 'half'}, 'overlay.alpha'),
        ({'image_transport': 'pigeon'}, 'image_transport: expected one of raw, compressed, auto'),
        ({'input__reliability': ''}, 'input.reliability'),
        ({'model__precision': 'half'}, 'model.precision: expected one of auto, float32, bfloat16, float16'),
        ({'model__tf32': 'yes'}, 'model.tf32'),
        ({'model__chekpoint': 'x'}, 'unknown parameter model.chekpoint'),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(node: NodeMaker, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadParameter, match=reason):
        declare_parameters(node(**given))


def test_parameters_of_other_nodes_in_a_shared_file_are_let_pass(node: NodeMaker) -> None:
    assert declare_parameters(node(use_sim_time=True, camera__gain=3)) == declare_parameters(node())

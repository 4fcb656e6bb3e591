"""The launch file describes itself and hands its arguments to the node. Needs ROS's real launch, which has no wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('launch_ros', reason='needs the launch packages of a ROS installation')

from launch.actions import DeclareLaunchArgument

from launch import LaunchContext

FILE = Path(__file__).parents[2] / 'launch' / 'tracker.launch.py'


@pytest.fixture
def launch_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location('tracker_launch', FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def context(launch_file: ModuleType, **given: str) -> LaunchContext:
    context = LaunchContext()
    for argument in launch_file.ARGUMENTS:
        default = ''.join(part.describe().strip("'") for part in argument.default_value)
        context.launch_configurations[argument.name] = given.get(argument.name, default)
    return context


def test_every_argument_has_a_description(launch_file: ModuleType) -> None:
    actions = launch_file.generate_launch_description().entities
    arguments = [action for action in actions if isinstance(action, DeclareLaunchArgument)]
    assert {'image', 'image_transport', 'namespace', 'params_file', 'checkpoint', 'device'} <= {
        a.name for a in arguments
    }
    assert all(argument.description for argument in arguments)


def test_the_default_parameter_file_exists(launch_file: ModuleType) -> None:
    assert (launch_file.CONFIG / 'tracker.yaml').is_file()


def test_the_node_is_our_executable(launch_file: ModuleType) -> None:
    (node,) = launch_file.tracker_node(context(launch_file, namespace='left', log_level='debug'))
    assert (node.node_package, node.node_executable) == ('sam2s_ros', 'tracker_node')
    shown = [part.text for command in node.cmd for part in command if hasattr(part, 'text')]
    assert 'left.sam2s_tracker:=debug' in shown

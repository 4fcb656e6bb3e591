"""The launch files describe themselves and hand their arguments on. Needs ROS's real launch, which has no wheel."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

pytest.importorskip('launch_ros', reason='needs the launch packages of a ROS installation')

from launch.actions import DeclareLaunchArgument
from launch.events.process import ProcessExited
from launch_ros.actions import Node

from launch import LaunchContext

FOLDER = Path(__file__).parents[2] / 'launch'
FILES = sorted(path.name for path in FOLDER.glob('*.launch.py'))


def launch_file(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.split('.')[0] + '_launch', FOLDER / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nodes(module: ModuleType, make: Callable[[LaunchContext], list[Any]], **given: str) -> list[tuple[Node, list[str]]]:
    """The nodes that arguments lead to, each with the words of its command line."""
    context = LaunchContext()
    for argument in module.ARGUMENTS:
        default = ''.join(part.describe().strip("'") for part in argument.default_value or ())
        context.launch_configurations[argument.name] = given.get(argument.name, default)
    found = [action for action in make(context) if isinstance(action, Node)]
    for node in found:
        node._perform_substitutions(context)
    return [(node, [part.text for word in node.cmd for part in word if hasattr(part, 'text')]) for node in found]


def test_there_are_three() -> None:
    assert FILES == ['replay.launch.py', 'stereo.launch.py', 'tracker.launch.py']


@pytest.mark.parametrize('name', FILES)
def test_every_argument_has_a_description(name: str) -> None:
    module = launch_file(name)
    actions = module.generate_launch_description().entities
    arguments = [action for action in actions if isinstance(action, DeclareLaunchArgument)]
    assert len(arguments) == len(module.ARGUMENTS) >= 6
    assert all(argument.description != 'no description given' for argument in arguments)


@pytest.mark.parametrize('name', FILES)
def test_the_default_parameter_file_exists(name: str) -> None:
    assert (launch_file(name).CONFIG / 'tracker.yaml').is_file()


def test_the_tracker_is_our_executable() -> None:
    module = launch_file('tracker.launch.py')
    ((node, words),) = nodes(module, module.tracker_node, namespace='left', log_level='debug', image='/ecm/image')
    assert (node.node_package, node.node_executable) == ('sam2s_ros', 'tracker_node')
    assert 'left.sam2s_tracker:=debug' in words
    assert (node.node_name, node.expanded_remapping_rules) == ('/left/sam2s_tracker', [('image', '/ecm/image')])


@pytest.mark.parametrize('autostart', ['true', 'false'])
def test_the_switches_of_the_tracker_become_parameters(autostart: str) -> None:
    module = launch_file('tracker.launch.py')
    ((node, _),) = nodes(module, module.tracker_node, autostart=autostart, use_sim_time='true', device='cpu')
    given = {
        name: value
        for path, is_file in node._Node__expanded_parameter_arguments
        if is_file
        for parameters in yaml.safe_load(Path(path).read_text()).values()
        for name, value in parameters['ros__parameters'].items()
    }
    assert (given['autostart'], given['use_sim_time']) == (autostart == 'true', True)


def test_each_eye_has_a_tracker() -> None:
    module = launch_file('stereo.launch.py')
    found = [node for node, _ in nodes(module, module.trackers, rig='/jhu_daVinci/')]
    assert [(node.node_name, node.expanded_remapping_rules) for node in found] == [
        (f'/{eye}/sam2s_tracker', [('image', f'/jhu_daVinci/{eye}/image_raw')]) for eye in ('left', 'right')
    ]


@pytest.mark.parametrize(
    ('given', 'expected', 'unexpected'),
    [
        ({}, {'--prompts', 'beside'}, {'--loop', '--step', '--topic'}),
        ({'prompts': 'none', 'loop': 'true', 'topic': '/eye'}, {'--loop', '--topic', '/eye'}, {'--prompts'}),
        ({'prompts': '/p.yaml', 'step': 'true', 'rate': '2'}, {'--step', '/p.yaml', '2'}, {'beside'}),
    ],
)
def test_the_player_is_told_what_to_play(given: dict[str, str], expected: set[str], unexpected: set[str]) -> None:
    module = launch_file('replay.launch.py')
    _, (player, words) = nodes(module, module.tracker_and_player, bag='/a.mcap', **given)
    assert player.node_executable == 'bag_player' and {'/a.mcap', '--wait-for', 'sam2s_tracker'} <= set(words)
    assert expected <= set(words) and not unexpected & set(words)


def test_a_recording_that_cannot_be_played_ends_the_launch() -> None:
    module = launch_file('replay.launch.py')
    about = {'action': None, 'name': '', 'cmd': [], 'cwd': None, 'env': None, 'pid': 1}
    assert module.end_when_it_failed(ProcessExited(returncode=0, **about), LaunchContext()) is None
    assert module.end_when_it_failed(ProcessExited(returncode=1, **about), LaunchContext()) is not None

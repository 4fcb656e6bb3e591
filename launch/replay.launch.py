"""Play a recording to the tracker: `ros2 launch sam2s_ros replay.launch.py bag:=case.mcap`."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import Action, LaunchContext, LaunchDescription

CONFIG = Path(__file__).resolve().parent.parent / 'config'
TRACKER = 'sam2s_tracker'
SWITCH = ['true', 'false']

ARGUMENTS = (
    DeclareLaunchArgument('bag', description='The recording: rosbag2 folder, .mcap, .db3 or ROS 1 .bag'),
    DeclareLaunchArgument('topic', default_value='', description='Its image topic; empty where it has one alone'),
    DeclareLaunchArgument(
        'prompts',
        default_value='beside',
        description='Prompt script to play; beside: the one that lies with the recording, if any; none: no prompts',
    ),
    DeclareLaunchArgument('image', default_value='image', description='Topic to play on, without /compressed'),
    DeclareLaunchArgument('rate', default_value='1.0', description='1 is the speed of the recording'),
    DeclareLaunchArgument('start', default_value='0.0', description='Seconds of the recording to skip'),
    DeclareLaunchArgument('loop', default_value='false', choices=SWITCH, description='Begin again at the end'),
    DeclareLaunchArgument(
        'paused', default_value='false', choices=SWITCH, description='Wait for /bag_player/set_paused before the start'
    ),
    DeclareLaunchArgument(
        'step', default_value='false', choices=SWITCH, description='Wait for the tracks of each image: none is lost'
    ),
    DeclareLaunchArgument(
        'params_file', default_value=str(CONFIG / 'tracker.yaml'), description='YAML file with parameters'
    ),
)


def tracker_and_player(context: LaunchContext) -> list[Action]:
    """The tracker and the player, which begins when the tracker listens: that is, when it is active.

    When the player fails there is nothing to wait for; when it has played all, the tracker stays for who looks at it.
    """
    given = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    tracker = Node(
        package='sam2s_ros',
        executable='tracker_node',
        name=TRACKER,
        remappings=[('image', given['image'])],
        # Another recording is another session.
        parameters=[given['params_file'], {'output.resume_within': 0.0}],
        output='screen',
    )
    words = [given['bag'], '--rate', given['rate'], '--start', given['start'], '--as-base', given['image']]
    words += ['--wait-for', TRACKER, *(['--topic', given['topic']] if given['topic'] else [])]
    words += ['--prompts', given['prompts']] if given['prompts'] not in ('', 'none') else []
    words += [f'--{name}' for name in ('loop', 'paused', 'step') if given[name] == 'true']
    player = Node(package='sam2s_ros', executable='bag_player', arguments=words, output='screen')
    return [tracker, player, RegisterEventHandler(OnProcessExit(target_action=player, on_exit=end_when_it_failed))]


def end_when_it_failed(event: ProcessExited, context: LaunchContext) -> EmitEvent | None:
    return EmitEvent(event=Shutdown(reason='the recording cannot be played')) if event.returncode else None


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=tracker_and_player)])

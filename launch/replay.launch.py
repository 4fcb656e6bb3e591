"""Play a recording to the tracker: `ros2 launch sam2s_ros replay.launch.py bag:=case.mcap`."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, RegisterEventHandler
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition

from launch import LaunchContext, LaunchDescription

CONFIG = Path(__file__).resolve().parent.parent / 'config'
SWITCH = ['true', 'false']

ARGUMENTS = (
    DeclareLaunchArgument('bag', description='The recording: rosbag2 folder, .mcap, .db3 or ROS 1 .bag'),
    DeclareLaunchArgument('topic', default_value='', description='Its image topic; empty where it has one alone'),
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


def tracker_and_player(context: LaunchContext) -> list[object]:
    """The tracker, and the player as soon as the tracker is active."""
    given = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    tracker = LifecycleNode(
        package='sam2s_ros',
        executable='tracker_node',
        name='sam2s_tracker',
        namespace='',
        remappings=[('image', given['image'])],
        # Another recording is another session.
        parameters=[given['params_file'], {'output.resume_within': 0.0}],
        output='screen',
    )
    words = [given['bag'], '--rate', given['rate'], '--start', given['start'], '--as-base', given['image']]
    words += ['--topic', given['topic']] if given['topic'] else []
    words += [f'--{name}' for name in ('loop', 'paused', 'step') if given[name] == 'true']
    player = Node(package='sam2s_ros', executable='bag_player', arguments=words, output='screen')
    when_active = OnStateTransition(target_lifecycle_node=tracker, goal_state='active', entities=[player])
    return [RegisterEventHandler(when_active), tracker]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=tracker_and_player)])

"""One tracker for each eye: `ros2 launch sam2s_ros stereo.launch.py rig:=/jhu_daVinci`."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

CONFIG = Path(__file__).resolve().parent.parent / 'config'
EYES = ('left', 'right')

ARGUMENTS = (
    DeclareLaunchArgument('rig', default_value='', description='Namespace of the camera, for example /jhu_daVinci'),
    DeclareLaunchArgument('image', default_value='image_raw', description='Topic below <rig>/left and <rig>/right'),
    DeclareLaunchArgument(
        'params_file', default_value=str(CONFIG / 'tracker.yaml'), description='YAML file with parameters of both'
    ),
    DeclareLaunchArgument('left_device', default_value='', description='Device of the left eye; empty: params_file'),
    DeclareLaunchArgument('right_device', default_value='', description='Device of the right eye; empty: params_file'),
    DeclareLaunchArgument(
        'respawn', default_value='false', choices=['true', 'false'], description='Start a node again when it ends'
    ),
)


def trackers(context: LaunchContext) -> list[Node]:
    """Both nodes, each in the namespace of its eye; objects of one name are the same object by your own word alone."""
    given = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    rig = given['rig'].rstrip('/')
    return [
        Node(
            package='sam2s_ros',
            executable='tracker_node',
            name='sam2s_tracker',
            namespace=eye,
            remappings=[('image', f'{rig}/{eye}/{given["image"]}')],
            parameters=[
                given['params_file'],
                {'model.device': device} if (device := given[f'{eye}_device']) else {},
            ],
            respawn=given['respawn'] == 'true',
            respawn_delay=2.0,
            output='screen',
        )
        for eye in EYES
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=trackers)])

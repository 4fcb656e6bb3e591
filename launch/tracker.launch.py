"""Start the tracker: `ros2 launch sam2s_ros tracker.launch.py image:=/endoscope/image_raw`."""

from __future__ import annotations

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

CONFIG = Path(__file__).resolve().parent.parent / 'config'

ARGUMENTS = (
    DeclareLaunchArgument('image', default_value='image', description='Topic of the images, without /compressed'),
    DeclareLaunchArgument(
        'image_transport',
        default_value='auto',
        choices=['auto', 'raw', 'compressed'],
        description='Whether to subscribe to the images or to <image>/compressed; auto takes what is published',
    ),
    DeclareLaunchArgument('namespace', default_value='', description='Namespace of the node and its topics'),
    DeclareLaunchArgument('name', default_value='sam2s_tracker', description='Name of the node'),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'tracker.yaml'),
        description='YAML file with parameters',
    ),
    DeclareLaunchArgument(
        'checkpoint', default_value='', description='Weights, .safetensors or .pt; empty for those of params_file'
    ),
    DeclareLaunchArgument(
        'device', default_value='', description='auto, cpu, cuda or cuda:N; empty for the device of params_file'
    ),
    DeclareLaunchArgument(
        'use_sim_time', default_value='false', choices=['true', 'false'], description='Take the time from /clock'
    ),
    DeclareLaunchArgument(
        'autostart',
        default_value='true',
        choices=['true', 'false'],
        description='Configure and activate the node by itself; else `ros2 lifecycle set` does',
    ),
    DeclareLaunchArgument(
        'log_level',
        default_value='info',
        choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Least severity of the messages that are shown',
    ),
    DeclareLaunchArgument(
        'respawn', default_value='false', choices=['true', 'false'], description='Start the node again when it ends'
    ),
)


def tracker_node(context: LaunchContext) -> list[Node]:
    """The node as the arguments say; an argument that is empty leaves the value of params_file as it is."""
    given = {name: LaunchConfiguration(name).perform(context) for name in (a.name for a in ARGUMENTS)}
    logger = '.'.join([*given['namespace'].strip('/').split('/'), given['name']]).lstrip('.')
    switches = {name: given[name] == 'true' for name in ('use_sim_time', 'autostart')}
    overrides = {'model.checkpoint': given['checkpoint'], 'model.device': given['device']}
    return [
        Node(
            package='sam2s_ros',
            executable='tracker_node',
            name=given['name'],
            namespace=given['namespace'],
            remappings=[('image', given['image'])],
            parameters=[
                given['params_file'],
                {name: value for name, value in overrides.items() if value},
                {'image_transport': given['image_transport'], **switches},
            ],
            arguments=['--ros-args', '--log-level', f'{logger}:={given["log_level"]}'],
            respawn=given['respawn'] == 'true',
            respawn_delay=2.0,
            output='screen',
        )
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=tracker_node)])

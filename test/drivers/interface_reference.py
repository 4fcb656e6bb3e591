"""The interface of the running node as Markdown: topics with types and QoS, services, parameters."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from sam2s_ros.parameters import FIELDS, NamedField

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'interface.md'
OF_EVERY_NODE = {'/rosout', '/parameter_events'}

INTRODUCTION = """\
# Interface reference

All names are relative or private: `~` is the node's name, `/sam2s_tracker` by default. A test compares this page
with the running node; `make interface` writes it anew. Messages and services are explained field by field in their
files in [sam2s_msgs](../sam2s_msgs). Every output carries the header of its image, byte for byte. `~/tracks`,
`~/status`, `~/events` and `/diagnostics` are always published, all else is computed only while someone listens.

Decisions of ours where ROS has no convention: run lengths instead of images in `~/tracks`, since a control loop
reads one small message; the newest image wins (`queue.policy: latest`), since an old mask is worse than none;
services answer with typed codes (`sam2s_msgs/PromptResult`), since text cannot be handled by a program; private
topics of masks keep the sibling `camera_info` convention of image_pipeline; subscriptions follow what publishers
offer (`input.reliability: auto`).

Where `vision_msgs` is installed the node also publishes `~/detections` (vision_msgs/Detection2DArray) and, latched
beside each mask, `label_info` (vision_msgs/LabelInfo). A lifecycle node has besides the services `~/change_state`,
`~/get_state`, `~/get_available_states`, `~/get_available_transitions`, `~/get_transition_graph` and the topic
`~/transition_event`; every node has those of its parameters.
"""

MEANINGS = {
    '/diagnostics': 'state, input, tracking and model for diagnostic tools, once a second',
    '~/tracks': 'the truth: every object of every processed image, also when there is none',
    '~/status': 'heartbeat by the steady clock: state, input, rates, latencies, counts, problems',
    '~/events': 'what happened, the last 50 also for who comes late',
    '~/instances/mask': "label image; a pixel's value is the object's `slot`",
    '~/instances/camera_info': 'of the image, with its header',
    '~/semantic/mask': "a pixel's value is the number of the class",
    '~/semantic/confidence': 'how sure the class of each pixel is, 0 to 255',
    '~/semantic/camera_info': 'of the image, with its header',
    '~/binary/mask': '255 where an object of `binary.classes` is',
    '~/binary/camera_info': 'of the image, with its header',
    '~/overlay': 'masks, names and scores drawn over the image, for people',
    '~/overlay/compressed': 'the same as JPEG',
    '~/add_prompts': 'add, correct or replace objects by points, box or mask, in one batch, on the image of a stamp',
    '~/segment_once': 'show what prompts would find, and forget it',
    '~/add_points': 'one object by points, for the command line; a known one is corrected',
    '~/add_box': 'one object by a box, for the command line; a known one is replaced',
    '~/remove_objects': 'track some objects, or all, no more',
    '~/edit_object': 'give an object another class name',
    '~/get_objects': 'who is tracked, and how',
    '~/set_paused': 'stop or continue to track images',
    '~/freeze_memory': 'follow the objects without remembering anything new, or remember again',
    '~/save_session': 'write the session down under a name',
    '~/load_session': 'go on with a session that was saved',
    '~/reset': 'forget everything and begin a new session',
}


def reference(node: Node) -> str:
    """The page for an active tracker node.

    Raises:
        KeyError: Something of the node has no meaning above.
    """
    outputs = {
        _private(node, publisher.topic_name): (publisher.msg_type, publisher.qos_profile)
        for publisher in node.publishers
        if publisher.topic_name not in OF_EVERY_NODE
    }
    outputs.pop('~/transition_event', None)
    services = {_private(node, service.srv_name): service.srv_type for service in node.services}
    own = {name: kind for name, kind in services.items() if name in MEANINGS or not _is_standard(kind)}
    lines = [INTRODUCTION, '## Topics it subscribes to', '', '| name | type | QoS | meaning |', '|---|---|---|---|']
    lines += [
        '| `image` | sensor_msgs/Image | as offered, keep last 1, with `queue.policy: all` `queue.depth` | the video |',
        '| `image/compressed` | sensor_msgs/CompressedImage | the same | the video, where that is published |',
        '| `camera_info` beside the image | sensor_msgs/CameraInfo | best effort | handed on beside each mask |',
        '| `~/overlay_mouse_left`, also of `/compressed` | geometry_msgs/Point | reliable | clicks of a person |',
        '',
        '## Topics it publishes',
        '',
        '| name | type | QoS | meaning |',
        '|---|---|---|---|',
    ]
    lines += [
        f'| `{name}` | {_type(kind)} | {_qos(qos)} | {MEANINGS[name]} |'
        for name, (kind, qos) in sorted(outputs.items(), key=lambda output: _place(output[0]))
    ]
    lines += ['', '## Services', '', '| name | type | meaning |', '|---|---|---|']
    lines += [
        f'| `{name}` | {_type(kind)} | {MEANINGS[name]} |'
        for name, kind in sorted(own.items(), key=lambda service: _place(service[0]))
    ]
    lines += ['', '## Parameters', '', 'Live ones may change while the node is configured.', '']
    lines += ['| name | default | allowed | live | meaning |', '|---|---|---|---|---|']
    lines += [_parameter_row(named) for named in FIELDS.values()]
    return '\n'.join(lines) + '\n'


def _place(name: str) -> int:
    return list(MEANINGS).index(name)


def _private(node: Node, name: str) -> str:
    own = node.get_fully_qualified_name() + '/'
    return f'~/{name.removeprefix(own)}' if name.startswith(own) else name


def _is_standard(kind: type) -> bool:
    return _type(kind).split('/')[0] in ('rcl_interfaces', 'lifecycle_msgs', 'type_description_interfaces')


def _type(kind: type) -> str:
    return f'{kind.__module__.split(".")[0]}/{kind.__name__}'


def _qos(qos: QoSProfile) -> str:
    reliability = 'reliable' if qos.reliability == ReliabilityPolicy.RELIABLE else 'best effort'
    latched = ', transient local' if qos.durability == DurabilityPolicy.TRANSIENT_LOCAL else ''
    return f'{reliability}{latched}, keep last {qos.depth}'


def _parameter_row(named: NamedField) -> str:
    default = f'`{named.default!r}`' if named.default != '' else '`""`'
    live = 'yes' if named.is_live else ''
    return f'| `{named.name}` | {default} | {_allowed(named)} | {live} | {_escaped(named.description)} |'


def _allowed(named: NamedField) -> str:
    if named.limits:
        return f'{named.limits[0]:g} to {named.limits[1]:g}'
    return ', '.join(_words(named.choices))


def _words(choices: Iterable[str]) -> list[str]:
    return [f'`{choice}`' for choice in choices]


def _escaped(text: str) -> str:
    return text.replace('|', '\\|')


def main() -> None:
    """Write the page from a tracker in this process."""
    from blob_tracker import BlobTracker
    from tracker_in_process import TrackerInProcess

    tracker = TrackerInProcess(101, lambda _: BlobTracker(), output__autosave=False)
    tracker.bring_up()
    PAGE.write_text(reference(tracker.node), encoding='utf-8')
    tracker.close()


if __name__ == '__main__':
    sys.exit(main())

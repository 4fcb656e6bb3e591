"""`ros2 run sam2s_ros prompt --box 10 20 90 80 --label grasper`: ask a running tracker for something.

prompt --box X0 Y0 X1 Y1 | --points X,Y …     add, correct or replace an object
prompt list | remove [ID …] | rename ID LABEL | pause | resume | freeze | thaw | reset | save [NAME] | load [NAME]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import rclpy
from geometry_msgs.msg import Point32
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from std_srvs.srv import SetBool, Trigger

from sam2s_msgs.msg import Prompt
from sam2s_msgs.srv import AddPrompts, EditObject, GetObjects, LoadSession, RemoveObjects, SaveSession
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.track_state import TrackState

Options: TypeAlias = argparse.Namespace
Request: TypeAlias = Callable[[Options], tuple[type, str, Any]]  # gives the service's type, its name and the request


class NoAnswer(RuntimeError):
    """The tracker did not answer; the message says what to look at."""


def main(args: list[str] | None = None) -> int:
    """Ask, and print what became of it; 1 when it was refused or nobody answered."""
    argv = sys.argv if args is None else ['prompt', *args]
    options = _parse(remove_ros_args(argv)[1:])
    rclpy.init(args=argv)
    node = rclpy.create_node('sam2s_prompt')
    try:
        response = _call(node, options, *options.request(options))
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return _print(response)


def _parse(args: list[str]) -> Options:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument('--node', default='sam2s_tracker', help='name of the tracker node, namespace and all')
    common.add_argument('--timeout', type=float, default=10.0, help='longest wait, seconds')
    where, rest = common.parse_known_args(args)
    if rest and not rest[0].startswith('-'):
        return _parse_command([*rest, '--node', where.node, '--timeout', str(where.timeout)], common)
    parser = argparse.ArgumentParser(
        prog='prompt', parents=[common], description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--box', nargs=4, type=float, metavar=('X0', 'Y0', 'X1', 'Y1'), help='tight box, image pixels')
    parser.add_argument('--points', nargs='+', type=_point, default=[], metavar='X,Y', help='clicks on the object')
    parser.add_argument('--background', nargs='+', type=_point, default=[], metavar='X,Y', help='clicks beside it')
    parser.add_argument('--id', default='', help='name of the object; without one the tracker chooses a number')
    parser.add_argument('--label', default='', help='class name, such as grasper')
    parser.add_argument(
        '--mode', choices=[mode.name.lower() for mode in PromptMode], default='new', help='what the prompt is for'
    )
    parser.add_argument('--normalized', action='store_true', help='coordinates are parts of width and height, 0 to 1')
    parser.add_argument('--preview', action='store_true', help='show what would be found, and forget it')
    options = parser.parse_args(args)
    if options.box is None and not options.points and not (options.background and options.mode == 'correct'):
        parser.error(
            'give --box or --points, --background alone with --mode correct, or a command: ' + ', '.join(_COMMANDS)
        )
    options.request = _prompting
    return options


def _parse_command(args: list[str], common: argparse.ArgumentParser) -> Options:
    parser = argparse.ArgumentParser(prog='prompt')
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    for name, (explanation, request, positionals) in _COMMANDS.items():
        command = commands.add_parser(name, parents=[common], help=explanation, description=explanation)
        for positional, count in positionals.items():
            command.add_argument(positional, nargs=count)
        command.set_defaults(request=request)
    return parser.parse_args(args)


def _prompting(options: Options) -> tuple[type, str, Any]:
    prompt = Prompt(
        object_id=options.id,
        label=options.label,
        mode=int(PromptMode[options.mode.upper()]),
        points=[*options.points, *options.background],
        point_labels=[1] * len(options.points) + [0] * len(options.background),
        box=options.box or [],
        normalized=options.normalized,
    )
    request = AddPrompts.Request(prompts=[prompt], return_masks=True, timeout=options.timeout)
    return AddPrompts, 'segment_once' if options.preview else 'add_prompts', request


def _switch(service: str, is_on: bool) -> Request:
    return lambda _: (SetBool, service, SetBool.Request(data=is_on))


# Name of the command: explanation, what it asks for, and its arguments with how many of each.
_COMMANDS: dict[str, tuple[str, Request, dict[str, Any]]] = {
    'list': ('say who is tracked, and how', lambda _: (GetObjects, 'get_objects', GetObjects.Request()), {}),
    'remove': (
        'track some objects no more, or all without an id',
        lambda options: (RemoveObjects, 'remove_objects', RemoveObjects.Request(object_ids=options.id)),
        {'id': '*'},
    ),
    'rename': (
        'give an object another class name',
        lambda options: (EditObject, 'edit_object', EditObject.Request(object_id=options.id, label=options.label)),
        {'id': None, 'label': None},
    ),
    'pause': ('stop tracking images', _switch('set_paused', True), {}),
    'resume': ('track images again', _switch('set_paused', False), {}),
    'freeze': ('remember nothing new', _switch('freeze_memory', True), {}),
    'thaw': ('remember again', _switch('freeze_memory', False), {}),
    'reset': ('forget everything', lambda _: (Trigger, 'reset', Trigger.Request()), {}),
    'save': (
        'write the session down',
        lambda options: (SaveSession, 'save_session', SaveSession.Request(name=options.name or '')),
        {'name': '?'},
    ),
    'load': (
        'go on with a session that was saved',
        lambda options: (LoadSession, 'load_session', LoadSession.Request(name=options.name or '')),
        {'name': '?'},
    ),
}


def _point(text: str) -> Point32:
    x, y = text.split(',')
    return Point32(x=float(x), y=float(y))


def _call(node: Node, options: Options, kind: type, service: str, request: Any) -> Any:
    deadline = time.monotonic() + options.timeout
    client = node.create_client(kind, f'{options.node}/{service}')
    if not client.wait_for_service(options.timeout):
        raise NoAnswer(f'nobody offers {client.srv_name}; is the tracker running, and is it called {options.node}?')
    future = client.call_async(request)
    rclpy.spin_until_future_complete(node, future, timeout_sec=max(0.1, deadline - time.monotonic()))
    if not future.done():
        raise NoAnswer(f'{client.srv_name} did not answer within {options.timeout:g} s')
    return future.result()


def _print(response: Any) -> int:
    if not response.success:
        code = f' ({PromptCode(response.code).name})' if hasattr(response, 'code') else ''
        print(f'refused{code}: {response.message}', file=sys.stderr)
        return 1
    for line in _lines(response):
        print(line)
    return 0


def _lines(response: Any) -> list[str]:
    if isinstance(response, AddPrompts.Response):
        areas = {track.object_id: track.area for track in response.tracks.tracks}
        return [
            f'{result.object_id}: slot {result.slot}, quality {result.score:.2f}, '
            f'{areas.get(result.object_id, 0)} pixels'
            for result in response.results
        ]
    if isinstance(response, GetObjects.Response):
        return [_described(track) for track in response.objects] or ['nothing is tracked']
    if isinstance(response, RemoveObjects.Response):
        return [f'removed: {", ".join(response.removed) or "nothing"}']
    if isinstance(response, EditObject.Response):
        return [f'class number {response.class_id}']
    if isinstance(response, SaveSession.Response):
        return [response.path]
    if isinstance(response, LoadSession.Response):
        return [f'tracked now: {", ".join(response.object_ids) or "nothing"}']
    return [response.message]


def _described(track: Any) -> str:
    state = TrackState(track.state).name
    named = f' {track.label}' if track.label else ''
    return f'{track.object_id}:{named} slot {track.slot}, {state}' + (f' ({track.reason})' if track.reason else '')


if __name__ == '__main__':
    sys.exit(main())

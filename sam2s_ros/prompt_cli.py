"""`ros2 run sam2s_ros prompt --box 10 20 90 80 --label grasper`: give one prompt to a running tracker."""

from __future__ import annotations

import argparse
import sys
import time

import rclpy
from geometry_msgs.msg import Point32
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from sam2s_msgs.msg import Prompt
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.prompt_codes import PromptCode, PromptMode


class NoAnswer(RuntimeError):
    """The tracker did not answer; the message says what to look at."""


def main(args: list[str] | None = None) -> int:
    """Give the prompt, print what became of it; 1 when it was refused or nobody answered."""
    argv = sys.argv if args is None else ['prompt', *args]
    options = _parse(remove_ros_args(argv)[1:])
    rclpy.init(args=argv)
    node = rclpy.create_node('sam2s_prompt')
    try:
        response = _call(node, options.node, _request(options), options.timeout)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return _print(response)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='prompt', description='Give one prompt to a running tracker.')
    parser.add_argument('--box', nargs=4, type=float, metavar=('X0', 'Y0', 'X1', 'Y1'), help='tight box, image pixels')
    parser.add_argument('--points', nargs='+', type=_point, default=[], metavar='X,Y', help='clicks on the object')
    parser.add_argument('--background', nargs='+', type=_point, default=[], metavar='X,Y', help='clicks beside it')
    parser.add_argument('--id', default='', help='name of the object; without one the tracker chooses a number')
    parser.add_argument('--label', default='', help='class name, such as grasper')
    parser.add_argument(
        '--mode', choices=[mode.name.lower() for mode in PromptMode], default='new', help='what the prompt is for'
    )
    parser.add_argument('--normalized', action='store_true', help='coordinates are parts of width and height, 0 to 1')
    parser.add_argument('--node', default='sam2s_tracker', help='name of the tracker node, namespace and all')
    parser.add_argument('--timeout', type=float, default=10.0, help='longest wait, seconds')
    options = parser.parse_args(args)
    if options.box is None and not options.points:
        parser.error('give --box or --points')
    return options


def _point(text: str) -> Point32:
    x, y = text.split(',')
    return Point32(x=float(x), y=float(y))


def _request(options: argparse.Namespace) -> AddPrompts.Request:
    prompt = Prompt(
        object_id=options.id,
        label=options.label,
        mode=int(PromptMode[options.mode.upper()]),
        points=[*options.points, *options.background],
        point_labels=[1] * len(options.points) + [0] * len(options.background),
        box=options.box or [],
        normalized=options.normalized,
    )
    return AddPrompts.Request(prompts=[prompt], return_masks=True, timeout=options.timeout)


def _call(node: Node, tracker: str, request: AddPrompts.Request, timeout_s: float) -> AddPrompts.Response:
    deadline = time.monotonic() + timeout_s
    client = node.create_client(AddPrompts, f'{tracker}/add_prompts')
    if not client.wait_for_service(timeout_s):
        raise NoAnswer(f'nobody offers {client.srv_name}; is the tracker running, and is it called {tracker}?')
    future = client.call_async(request)
    rclpy.spin_until_future_complete(node, future, timeout_sec=max(0.1, deadline - time.monotonic()))
    if not future.done():
        raise NoAnswer(f'{client.srv_name} did not answer within {timeout_s:g} s')
    return future.result()


def _print(response: AddPrompts.Response) -> int:
    if not response.success:
        print(f'refused ({PromptCode(response.code).name}): {response.message}', file=sys.stderr)
        return 1
    areas = {track.object_id: track.area for track in response.tracks.tracks}
    for result in response.results:
        area = areas.get(result.object_id, 0)
        print(f'{result.object_id}: slot {result.slot}, quality {result.score:.2f}, {area} pixels')
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""Track recordings offline: every image, no ROS graph, no drops, the same masks every time.

usage: python -m sam2s_ros.track_bag BAG --out DIR                         prompts.yaml lies in the bag
       python -m sam2s_ros.track_bag BAG --topic /left --topic /right --prompts SCRIPT --out DIR
       python -m sam2s_ros.track_bag FOLDER --out DIR --jobs 2             all bags in a folder
The same command goes on where it was interrupted. docs/track_bag.md explains what is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console


def main(args: list[str] | None = None) -> int:
    """Track recordings; 0 when all of it was done, 1 when something was not, 130 when interrupted."""
    options, console = _parse(args), Console()
    from sam2s_ros.offline.command import run  # loads PyTorch, which takes seconds

    try:
        return 0 if run(options, console) else 1
    except (ValueError, OSError) as error:
        console.print(f'error: {error}', style='red', markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print('interrupted; the same command goes on where it stopped')
        return 130


def _parse(args: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='track_bag', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'bags', type=Path, nargs='+', metavar='BAG|FOLDER', help='rosbag2, .mcap, .db3, .bag, or a folder of them'
    )
    parser.add_argument('--out', type=Path, required=True, help='folder for the results')
    parser.add_argument(
        '--topic', action='append', default=[], help='image topic, may be given twice; default: that of the script'
    )
    parser.add_argument('--prompts', type=Path, metavar='SCRIPT', help='default: the script that lies with each bag')
    parser.add_argument('--images', action='store_true', help='record the images in the output bag, too')
    parser.add_argument('--jobs', type=_positive, default=1, metavar='N', help='bags at a time (default: %(default)s)')
    parser.add_argument('--param', action='append', default=[], metavar='NAME:=VALUE', help='parameter of the tracker')
    return parser.parse_args(args)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'expected a number from 1, came {number}')
    return number


if __name__ == '__main__':
    sys.exit(main())

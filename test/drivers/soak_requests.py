"""The requests of the soak: prompts that must be applied, and nonsense that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np
from geometry_msgs.msg import Point32
from sensor_msgs.msg import RegionOfInterest
from soak_scene import GREYS, HEIGHT, WIDTH, number_of, place
from std_msgs.msg import Header

from sam2s_msgs.msg import Prompt
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message, time_message

BOX = [10.0, 10.0, 60.0, 60.0]


def good_request(stamp: int, *object_ids: str) -> AddPrompts.Request:
    """Begin with these objects anew, on the image of a stamp, where they are known to be."""
    places = [(object_id, place(object_id, number_of(stamp))) for object_id in object_ids]
    prompts = [
        Prompt(
            object_id=object_id,
            label=object_id,
            mode=Prompt.REPLACE,
            points=[Point32(x=float(x), y=float(y))],
            point_labels=[1],
        )
        for object_id, (x, y) in places
    ]
    return AddPrompts.Request(header=Header(stamp=time_message(stamp)), prompts=prompts, return_masks=True)


def bad_requests() -> Iterator[AddPrompts.Request]:
    """Nonsense without end, of every kind."""
    return (AddPrompts.Request(prompts=prompts, header=header) for header, prompts in cycle(_nonsense()))


def _nonsense() -> list[tuple[Header, list[Prompt]]]:
    here, nowhere = Header(), Header(stamp=time_message(5))
    good = Prompt(mode=Prompt.REPLACE, object_id=next(iter(GREYS)), box=BOX)
    small_mask = image_message(Header(), np.ones((9, 9), np.uint8), 'mono8')
    empty_mask = image_message(Header(), np.zeros((HEIGHT, WIDTH), np.uint8), 'mono8')
    odd_mask = image_message(Header(), np.ones((HEIGHT, WIDTH), np.uint8), 'foo8')
    everywhere = RegionOfInterest(width=2**31, height=2**31)
    bad = [
        Prompt(box=[300.0, 10.0, 400.0, 90.0]),
        Prompt(box=[float('nan')] * 4),
        Prompt(box=[10.0, 10.0, 10.0, 10.0]),
        Prompt(box=[1.0, 2.0]),
        Prompt(),
        Prompt(object_id='nobody', mode=Prompt.CORRECT, box=BOX),
        Prompt(object_id='x', mode=9, box=BOX),
        Prompt(object_id='x' * 10_000, box=BOX),
        Prompt(object_id='\n', box=BOX),
        Prompt(points=[Point32(x=-5.0, y=float('inf'))], point_labels=[1]),
        Prompt(points=[Point32(x=5.0, y=5.0)], point_labels=[1, 1, 1]),
        Prompt(points=[Point32(x=5.0, y=5.0)], point_labels=[7]),
        Prompt(mask=[small_mask]),
        Prompt(mask=[empty_mask]),
        Prompt(mask=[odd_mask]),
        Prompt(mask_counts=[2**32 - 1] * 100, mask_roi=everywhere),
        Prompt(mask=[small_mask], box=BOX),
    ]
    # Each alone, each after a good one in one batch, then no prompt at all, a hundred, and a forgotten image.
    return [
        *((here, [prompt]) for prompt in bad),
        *((here, [good, prompt]) for prompt in bad),
        (here, []),
        (here, [Prompt(object_id=f'new {number}', box=BOX) for number in range(100)]),
        (nowhere, [good]),
    ]

"""What people say during a video: the prompts and corrections after which both implementations shall still agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from parity_videos import Kind


class Said(NamedTuple):
    """A prompt: when it is given, for which object, and on which frame it was drawn (by default the newest)."""

    when: int
    object_id: str
    kind: Kind
    drawn_on: int | None = None

    @property
    def frame(self) -> int:
        return self.when if self.drawn_on is None else self.drawn_on


@dataclass(frozen=True)
class Scene:
    """What is said, and on which frames the network is made to see nothing."""

    said: tuple[Said, ...]
    gone: range = range(0)


SCENES = {
    'box': Scene((Said(0, 'a', 'box'),)),
    '1 click': Scene((Said(0, 'a', 'click'),)),
    '3 clicks': Scene((Said(0, 'a', '3 clicks'),)),
    '3 clicks, one by one': Scene(
        (Said(0, 'a', 'click'), Said(0, 'a', 'another click'), Said(0, 'a', 'background click'))
    ),
    'box and click': Scene((Said(0, 'a', 'box'), Said(0, 'a', 'background click'))),
    'mask': Scene((Said(0, 'a', 'mask'),)),
    'mask, then click': Scene((Said(0, 'a', 'mask'), Said(0, 'a', 'another click'))),
    'corrections': Scene(
        (
            Said(0, 'a', 'box'),
            Said(12, 'a', 'another click'),
            Said(12, 'a', 'background click'),
            Said(20, 'a', 'mask'),
            Said(26, 'a', 'box'),
        )
    ),
    'corrections of frames that have passed': Scene(
        (
            Said(0, 'a', 'box'),
            Said(14, 'a', 'click', drawn_on=11),
            Said(14, 'a', 'background click', drawn_on=11),
            Said(25, 'a', 'another click', drawn_on=0),
        )
    ),
    'three objects, one after another': Scene((Said(0, 'a', 'box'), Said(7, 'b', 'click'), Said(15, 'c', 'mask'))),
    'disappearance and return': Scene((Said(0, 'a', 'box'), Said(0, 'b', 'mask')), gone=range(14, 23)),
}

"""States are numbered as in the message, and a sighting counts images."""

from __future__ import annotations

import re
from pathlib import Path

from sam2s_ros.track_state import Sighting, TrackState, sighting_after

MESSAGE = Path(__file__).parents[2] / 'sam2s_msgs' / 'msg' / 'Track.msg'


def test_the_states_are_those_of_the_message() -> None:
    written = dict(re.findall(r'^uint8 ([A-Z]+)=(\d+)', MESSAGE.read_text(encoding='utf-8'), re.MULTILINE))
    assert written == {state.name: str(state.value) for state in TrackState}


def test_an_object_out_of_sight_counts_up_and_keeps_its_last_stamp() -> None:
    sighting = Sighting()
    for stamp, is_seen in [(10, True), (20, False), (30, False)]:
        sighting = sighting_after(sighting, is_seen, stamp)
    assert sighting == Sighting(tracked_frames=3, frames_since_seen=2, last_seen_ns=10)


def test_an_object_that_returns_counts_from_zero_again() -> None:
    assert sighting_after(Sighting(50, 40, 1), True, 99) == Sighting(51, 0, 99)

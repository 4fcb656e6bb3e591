"""The states of a tracked object, and what decides between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum


class TrackState(IntEnum):
    """As in sam2s_msgs/Track."""

    TENTATIVE = 0
    TRACKED = 1
    UNCERTAIN = 2
    OCCLUDED = 3
    LOST = 4
    FROZEN = 5


@dataclass(frozen=True)
class StateLimits:
    """When an object is trusted, doubted and lost. Times in seconds of the stream, whatever the rate of the images.

    Attributes:
        uncertain_score: Predicted mask quality in [0, 1] below which a visible object is UNCERTAIN.
        confirm_after: For so long it must be seen well, without a break, to be TRACKED.
        lost_after: For so long it must be out of sight to be LOST. Behind smoke or an instrument it is less.
        left_after: The same for one that was last seen leaving the image.
        reprompt_after: An object that is UNCERTAIN for so long asks for a prompt.
    """

    uncertain_score: float = 0.6
    confirm_after: float = 0.2
    lost_after: float = 0.6
    left_after: float = 0.3
    reprompt_after: float = 2.0


@dataclass(frozen=True)
class Judgement:
    """What a consumer needs to know of an object on one image.

    Attributes:
        state: How far the mask can be trusted.
        reason: Why it is not TRACKED, for a person; else empty.
        needs_reprompt: Whether a person should look at the object.
    """

    state: TrackState
    reason: str = ''
    needs_reprompt: bool = False


@dataclass(frozen=True)
class Sighting:
    """When an object was seen.

    Attributes:
        tracked_frames: Images processed since its first prompt.
        frames_since_seen: Processed images since it was last seen; 0 when it is seen now.
        last_seen_ns: Stamp of the image on which it was last seen; 0 while never.
    """

    tracked_frames: int = 0
    frames_since_seen: int = 0
    last_seen_ns: int = 0


def sighting_after(sighting: Sighting, is_seen: bool, stamp_ns: int) -> Sighting:
    """Follow one more processed image."""
    tracked = sighting.tracked_frames + 1
    if is_seen:
        return Sighting(tracked, 0, stamp_ns)
    return replace(sighting, tracked_frames=tracked, frames_since_seen=sighting.frames_since_seen + 1)

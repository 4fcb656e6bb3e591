"""How far one object's mask can be trusted, from what the model said about it up to now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from sam2s_model import ObjectMask

PRESENT = 0.5  # presence from which the model itself says that the object is in the image


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
    """When an object counts as uncertain or lost.

    Attributes:
        uncertain_score: Predicted mask quality in [0, 1] below which a visible object is UNCERTAIN.
        lost_frames: Processed images without the object after which it is LOST.
    """

    uncertain_score: float = 0.6
    lost_frames: int = 15


@dataclass(frozen=True)
class Sighting:
    """When an object was seen.

    Attributes:
        tracked_frames: Images processed since its first prompt.
        frames_since_seen: Processed images since its mask was last not empty; 0 when it is seen now.
        last_seen_ns: Stamp of the image on which it was last seen; 0 while never.
    """

    tracked_frames: int = 0
    frames_since_seen: int = 0
    last_seen_ns: int = 0


def is_seen(found: ObjectMask) -> bool:
    return bool(found.mask.any())


def seen_after(sighting: Sighting, found: ObjectMask, stamp_ns: int) -> Sighting:
    """Follow one more tracked image."""
    tracked = sighting.tracked_frames + 1
    if is_seen(found):
        return Sighting(tracked, 0, stamp_ns)
    return replace(sighting, tracked_frames=tracked, frames_since_seen=sighting.frames_since_seen + 1)


def state_of(sighting: Sighting, found: ObjectMask, limits: StateLimits) -> tuple[TrackState, str]:
    """Return the state, and for a person why it is not TRACKED."""
    if sighting.frames_since_seen >= limits.lost_frames:
        return TrackState.LOST, f'not seen for {sighting.frames_since_seen} images'
    if not is_seen(found) or found.presence < PRESENT:
        return TrackState.OCCLUDED, f'not seen; presence {found.presence:.2f}'
    if found.score < limits.uncertain_score:
        return TrackState.UNCERTAIN, f'predicted quality {found.score:.2f} is below {limits.uncertain_score:.2f}'
    if sighting.tracked_frames == 0:
        return TrackState.TENTATIVE, 'just prompted'
    return TrackState.TRACKED, ''

"""One processed image with all its objects: what the tracking session hands to messages, label image and overlay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.object_registry import Identity
from sam2s_ros.run_lengths import MaskRuns
from sam2s_ros.track_state import Judgement, Sighting, TrackState


@dataclass(frozen=True)
class ObjectClass:
    """What kind of thing an object is.

    Attributes:
        name: Class name, empty while it is not known.
        number: Of the class, 0 while it is not known.
        probability: 1 where a person gave the name, the model's own where it recognised the object, 0 without a name.
    """

    name: str = ''
    number: int = 0
    probability: float = 0.0


@dataclass(frozen=True)
class TrackedObject:
    """One object on one image.

    Attributes:
        identity: Its id and slot, and the label that a person gave it.
        object_class: The class that the label or else the model says.
        mask: (H, W) bool.
        runs: The same mask as run lengths; its box is the box of the object.
        score, presence: Predicted mask quality and probability of being in the image, in [0, 1].
        judgement: How far the mask can be trusted.
        sighting: When it was seen.
    """

    identity: Identity
    object_class: ObjectClass
    mask: NDArray[np.bool_]
    runs: MaskRuns
    score: float
    presence: float
    judgement: Judgement
    sighting: Sighting

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return self.runs.area

    @property
    def state(self) -> TrackState:
        return self.judgement.state

    @property
    def is_actionable(self) -> bool:
        """Whether a control loop may use the mask."""
        return self.state == TrackState.TRACKED and self.area > 0


@dataclass(frozen=True)
class StageTimes:
    """Moments of the steady clock, in nanoseconds: the image arrived, work began, it was decoded, it was tracked."""

    arrived: int
    begun: int
    decoded: int
    tracked: int


@dataclass(frozen=True)
class TrackedImage:
    """One processed image.

    Attributes:
        image: The message as it arrived; its header goes into every output.
        rgb: (H, W, 3) uint8.
        frame_index: Number of the processed image in the session, from 0.
        session_id: Changes whenever the tracker starts anew.
        objects: In the order in which they were added.
        times: Where the time went.
        hold: Why memory took nothing from this image, for a person; empty when it did.
    """

    image: ReceivedImage
    rgb: NDArray[np.uint8]
    frame_index: int
    session_id: str
    objects: tuple[TrackedObject, ...]
    times: StageTimes
    hold: str = ''

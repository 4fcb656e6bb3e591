"""How the tracker is at one moment: plain data that status, diagnostics and watchdog share. Knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from sam2s_ros.image_ledger import ImageCounts
from sam2s_ros.latency import StageSeconds


class NodeState(IntEnum):
    """As in sam2s_msgs/TrackerStatus; the first four are those of lifecycle_msgs/State."""

    UNCONFIGURED = 1
    INACTIVE = 2
    ACTIVE = 3
    FINALIZED = 4
    IN_TRANSITION = 10

    @classmethod
    def of(cls, number: int) -> NodeState:
        """The state that a number of lifecycle_msgs/State stands for."""
        return cls(number) if number in (1, 2, 3, 4) else cls.IN_TRANSITION


class InputState(IntEnum):
    """As in sam2s_msgs/TrackerStatus."""

    NO_IMAGE = 0
    FLOWING = 1
    STALE = 2


class WatchState(IntEnum):
    """As in sam2s_msgs/TrackerStatus."""

    WELL = 0
    INFERENCE_STALLED = 1
    PUBLISHER_STALLED = 2
    WORKER_DEAD = 3
    DEVICE_LOST = 4


@dataclass(frozen=True)
class ModelSource:
    """Where the weights are from.

    Attributes:
        size, device: As asked for by the parameters.
        checkpoint: File name of the weights.
        sha256: Of that file, 64 hexadecimal digits.
        running: What computes, and where: the truth about `device`.
    """

    size: str = ''
    device: str = ''
    checkpoint: str = ''
    sha256: str = ''
    running: str = ''


@dataclass(frozen=True)
class ObjectCounts:
    """How many objects the last processed image showed, and how far they can be trusted."""

    tracked: int = 0
    actionable: int = 0
    to_reprompt: int = 0


@dataclass(frozen=True)
class InputHealth:
    """What is subscribed to, and what comes.

    Attributes:
        topic: Empty while nothing is subscribed to.
        age_s: Seconds of the steady clock since the last image arrived; None while none has.
        rate: Images per second.
    """

    state: InputState = InputState.NO_IMAGE
    topic: str = ''
    is_compressed: bool = False
    is_reliable: bool = False
    age_s: float | None = None
    rate: float = 0.0


@dataclass(frozen=True)
class WorkHealth:
    """How the tracking goes.

    Attributes:
        session_id: As in ~/tracks.
        is_paused: By request.
        counts: What became of the images.
        rate: Images that are tracked in a second.
        waiting: Images that wait.
        median, p95, p99: Latency of the last images.
        busy_s: Seconds that the work in hand has taken so far.
        watch: What the watchdog says.
        requests_waiting, requests_refused: Requests to the tracker.
        objects: How many, and how they are.
        degradations: Why less is done than was asked for, one sentence each.
        device_memory: Bytes of GPU memory.
    """

    session_id: str = ''
    is_paused: bool = False
    counts: ImageCounts = field(default_factory=ImageCounts)
    rate: float = 0.0
    waiting: int = 0
    median: StageSeconds = field(default_factory=StageSeconds)
    p95: StageSeconds = field(default_factory=StageSeconds)
    p99: StageSeconds = field(default_factory=StageSeconds)
    busy_s: float = 0.0
    watch: WatchState = WatchState.WELL
    requests_waiting: int = 0
    requests_refused: int = 0
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    degradations: tuple[str, ...] = ()
    device_memory: int = 0


@dataclass(frozen=True)
class Health:
    """How the tracker is.

    Attributes:
        problems: All that is wrong at present, one sentence each.
        process_memory: Bytes of RAM.
        errors: How many errors there were.
        last_error, last_error_age_s: Text of the newest error and seconds since then; '' and None when there was none.
    """

    state: NodeState
    input: InputHealth = field(default_factory=InputHealth)
    work: WorkHealth = field(default_factory=WorkHealth)
    model: ModelSource = field(default_factory=ModelSource)
    problems: tuple[str, ...] = ()
    process_memory: int = 0
    errors: int = 0
    last_error: str = ''
    last_error_age_s: float | None = None

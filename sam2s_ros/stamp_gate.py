"""Whether an arriving image is the next one of its stream, judged by its stamp. Knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.image_ledger import DropReason

NANOSECONDS = 1_000_000_000
LEAP_S = 2.0  # by how much stamps must pass ahead of the images' arrival to count as a jump
FUTURE_S = 1.0  # how far a stamp may be ahead of the node's clock


@dataclass(frozen=True)
class Verdict:
    """What to do with an image.

    Attributes:
        drop: Why it is not to be tracked; None when it is.
        went_back: Whether time begins anew with it, as when a recording loops.
    """

    drop: DropReason | None = None
    went_back: bool = False


NEXT = Verdict()


class StampGate:
    """Lets the images of one stream pass in the order of their stamps.

    An image that is a little late, or comes twice, is dropped. Stamps that go back further are another pass of a
    recording, or a clock that was set: everything after counts from there. Images without a stamp always pass.

    Args:
        threshold_s: How far stamps must go back to be more than out of order.
        events: Told of jumps and of stamps that cannot be true.
    """

    def __init__(self, threshold_s: float, events: EventLog) -> None:
        self.threshold_s = threshold_s
        self._events = events
        self._newest: ReceivedImage | None = None
        self._has_clock_gone_back = False
        self._doubt = ''

    def expect_jump(self) -> None:
        """The node's clock has gone back: the next stamp that is earlier, by however little, is a jump too."""
        self._has_clock_gone_back = True

    def judge(self, image: ReceivedImage) -> Verdict:
        """Decide about an image; one that passes is what the next is compared with."""
        self._doubt_stamp(image)
        before = self._newest
        if image.stamp_ns == 0:
            return NEXT
        if before is None:
            self._newest = image
            return NEXT
        ahead_s = (image.stamp_ns - before.stamp_ns) / NANOSECONDS
        limit_s = 0.0 if self._has_clock_gone_back else self.threshold_s
        if ahead_s == 0:
            return Verdict(DropReason.DUPLICATE)
        if -limit_s <= ahead_s < 0:
            return Verdict(DropReason.OUT_OF_ORDER)
        self._newest, self._has_clock_gone_back = image, False
        if ahead_s < 0:
            self._tell(f'stamps went back by {-ahead_s:.1f} s', image)
            return Verdict(went_back=True)
        leap_s = ahead_s - (image.arrival_ns - before.arrival_ns) / NANOSECONDS
        # A recording that is played fast runs ahead steadily; only a gap between two images is a jump.
        if min(ahead_s, leap_s) > LEAP_S:
            self._tell(f'stamps leapt ahead by {ahead_s:.1f} s; what was tracked is kept', image)
        return NEXT

    def _tell(self, text: str, image: ReceivedImage) -> None:
        self._events.emit(EventCode.TIME_JUMPED, text, stamp_ns=image.stamp_ns)

    def _doubt_stamp(self, image: ReceivedImage) -> None:
        """Tell once of stamps that cannot be true, and again when they begin anew."""
        doubt = ''
        if image.stamp_ns == 0:
            doubt = 'images come without a stamp: no latency is known, and no prompt can name its image'
        elif -image.age_s > FUTURE_S:
            doubt = f'an image is stamped {-image.age_s:.1f} s ahead of the clock of this node: synchronise the clocks'
        if doubt and not self._doubt:
            self._events.emit(EventCode.STAMP_DOUBTED, doubt, stamp_ns=image.stamp_ns)
        self._doubt = doubt

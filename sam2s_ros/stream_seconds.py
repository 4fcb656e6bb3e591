"""How much time of the stream passes from image to image."""

from __future__ import annotations

from sam2s_ros.frame_buffer import ReceivedImage

LONGEST_STEP_S = 1.0


class StreamSeconds:
    """Counts the seconds of a stream by the stamps of its images.

    Where stamps stand still, go back or leap, the arrival counts instead; a pause counts as one second at most, since
    nobody saw what happened meanwhile.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._before: ReceivedImage | None = None

    def pass_to(self, image: ReceivedImage) -> float:
        """Go on to the next image; seconds since the one before, 0 for the first."""
        before, self._before = self._before, image
        if before is None:
            return 0.0
        elapsed = (image.stamp_ns - before.stamp_ns) / 1e9
        if not 0 < elapsed <= LONGEST_STEP_S:
            elapsed = min(max((image.arrival_ns - before.arrival_ns) / 1e9, 0.0), LONGEST_STEP_S)
        self.now += elapsed
        return elapsed

"""Which images the tracker has remembered lately, so that an object prompted on an earlier one can be caught up."""

from __future__ import annotations

from collections import deque

REMEMBERED = 128  # images; the tracker knows the places of the last 256


class PassedFrames:
    """The latest tracked images by their stamps, in the order in which they were tracked.

    Args:
        most: Images that are given for catching up, at most; each costs as much time as a new one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._stamps: deque[int] = deque(maxlen=REMEMBERED)

    def note(self, stamp_ns: int) -> None:
        """An image was tracked."""
        self._stamps.append(stamp_ns)

    def since(self, stamp_ns: int) -> list[int]:
        """Stamps of what was tracked after an image, oldest first; of too many some, evenly spread, the newest last.

        An image that was not tracked itself counts as the one before it.
        """
        before = max((stamp for stamp in self._stamps if stamp <= stamp_ns), default=None)
        passed = list(self._stamps)
        if before is not None:  # stamps begin again in a looped bag: the later image is meant
            passed = passed[len(passed) - passed[::-1].index(before) :]
        count = min(self._most, len(passed))
        return [passed[len(passed) * number // count - 1] for number in range(1, count + 1)]

    def clear(self) -> None:
        """The stream begins anew."""
        self._stamps.clear()

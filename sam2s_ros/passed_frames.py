"""Which images the tracker has remembered lately, so that an object prompted on an earlier one can be caught up."""

from __future__ import annotations

from collections import deque

REMEMBERED = 128  # images; the tracker knows the places of the last 256


class PassedFrames:
    """The latest tracked images by their place in the stream.

    Args:
        most: Images that are given for catching up, at most; each costs as much time as a new one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._passed: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)

    def note(self, frame_index: int, stamp_ns: int) -> None:
        """An image was tracked at a place in the stream."""
        self._passed.append((frame_index, stamp_ns))

    def since(self, frame_index: int) -> list[int]:
        """Stamps of the images after a place, oldest first; of too many some, evenly spread, the newest among them."""
        stamps = [stamp for index, stamp in self._passed if index > frame_index]
        count = min(self._most, len(stamps))
        return [stamps[len(stamps) * number // count - 1] for number in range(1, count + 1)]

    def clear(self) -> None:
        """The stream begins anew."""
        self._passed.clear()

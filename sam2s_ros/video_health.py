"""Whether the video shows anything worth remembering: not blank, not standing still, not outside the body, no smoke.

Looks at a coarse sample of each image. What is outside the body or full of smoke is told by comparison with what the
video usually shows: where there was never any tissue, as on a bench, nothing can have left the body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

SAMPLE_ROWS = 64  # of the image's shorter side; some thousand pixels decide, in 0.3 ms at any size
DARK = 20  # brightest channel up to which a pixel is not lit: the corners around an endoscope's round view
LEAST_LIT = 0.01  # share of lit pixels below which the lamp is off or the lens covered
BLANK_CONTRAST = 3.0  # standard deviation of grey values; a covered lens shows sensor noise of 1 to 3
TISSUE_REDDER = 20  # by how much red exceeds blue in tissue, fat and blood, but not in drapes, steel or gauze
HAZE_LIGHT, HAZE_COLOUR = 90, 0.25  # darkest channel above, spread of the channels (share of the brightest) below
TISSUE_USUAL, TISSUE_GONE = 0.3, 0.05  # share of lit pixels: inside the body at least, outside it at most
HAZE_USUAL, HAZE_FILLS, HAZE_CLEARS = 0.3, 0.7, 0.5  # the same for smoke: usually at most, begins from, ends below
USUAL_OVER_S = 5.0  # seconds over which "usually" is averaged
CLEAR_FOR_S = 0.2  # seconds without any fault after which memory takes images again


class VideoFault(Enum):
    """Why nothing should be remembered of an image; the value is for people."""

    BLANK = 'the video is blank'
    STANDSTILL = 'the video stands still'
    SMOKE = 'smoke fills the view'
    OUT_OF_BODY = 'the endoscope is outside the body'

    @property
    def blinds(self) -> bool:
        """Whether no object can be seen at all; through smoke some still can."""
        return self is not VideoFault.SMOKE


# Seconds that a sign must last to count: a camera may repeat a single image, gauze may pass before the lens.
ONSET_S = {VideoFault.BLANK: 0.0, VideoFault.STANDSTILL: 0.4, VideoFault.SMOKE: 0.2, VideoFault.OUT_OF_BODY: 0.8}


@dataclass(frozen=True)
class Glance:
    """What the sample of an image looks like.

    Attributes:
        contrast: Standard deviation of its grey values.
        lit, tissue, haze: Shares in [0, 1]: of lit pixels in the sample, and of reddish and of bright grey ones among
            the lit.
    """

    contrast: float
    lit: float
    tissue: float
    haze: float


def glance(sample: NDArray[np.uint8]) -> Glance:
    """Look at some pixels (h, w, 3)."""
    red, green, blue = (sample[..., channel].astype(np.int16) for channel in range(3))
    brightest, darkest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    lit = brightest > DARK
    count = max(1, int(np.count_nonzero(lit)))
    tissue = lit & (red - blue > TISSUE_REDDER) & (red >= green)
    haze = (darkest > HAZE_LIGHT) & (brightest - darkest < HAZE_COLOUR * brightest)
    return Glance(
        contrast=float((red + green + blue).std()) / 3,
        lit=count / lit.size,
        tissue=int(np.count_nonzero(tissue)) / count,
        haze=int(np.count_nonzero(haze)) / count,
    )


class VideoHealth:
    """Judges each image of a stream by itself and by the images before it."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self.forget()

    def forget(self) -> None:
        """Take what comes next for what the video usually shows."""
        self._fault: VideoFault | None = None
        self._sign: VideoFault | None = None
        self._sign_for = 0.0
        self._usual: Glance | None = None

    def judge(self, rgb: NDArray[np.uint8], elapsed_s: float) -> VideoFault | None:
        """Look at the next image (H, W, 3), ``elapsed_s`` after the one before; None when it can be remembered."""
        step = max(1, min(rgb.shape[:2]) // SAMPLE_ROWS)
        sample = np.array(rgb[::step, ::step])
        is_still = self._before is not None and np.array_equal(sample, self._before)
        self._before = sample
        seen = glance(sample)
        sign = self._sign_of(seen, is_still)
        self._follow(sign, elapsed_s)
        if sign is None:
            self._learn(seen, elapsed_s)
        return self._fault

    def _sign_of(self, seen: Glance, is_still: bool) -> VideoFault | None:
        if seen.contrast < BLANK_CONTRAST or seen.lit < LEAST_LIT:
            return VideoFault.BLANK
        if is_still:
            return VideoFault.STANDSTILL
        if self._usual is None:
            return None
        is_smoke = self._fault is VideoFault.SMOKE
        if self._usual.haze <= HAZE_USUAL and seen.haze >= (HAZE_CLEARS if is_smoke else HAZE_FILLS):
            return VideoFault.SMOKE
        if self._usual.tissue >= TISSUE_USUAL and seen.tissue <= TISSUE_GONE:
            return VideoFault.OUT_OF_BODY
        return None

    def _follow(self, sign: VideoFault | None, elapsed_s: float) -> None:
        self._sign_for = self._sign_for + elapsed_s if sign is self._sign else 0.0
        self._sign = sign
        if sign is None and self._sign_for >= CLEAR_FOR_S:
            self._fault = None
        elif sign is not None and self._sign_for >= ONSET_S[sign]:
            self._fault = sign

    def _learn(self, seen: Glance, elapsed_s: float) -> None:
        usual = self._usual or seen
        share = min(1.0, elapsed_s / USUAL_OVER_S)
        self._usual = replace(
            usual,
            tissue=usual.tissue + share * (seen.tissue - usual.tissue),
            haze=usual.haze + share * (seen.haze - usual.haze),
        )

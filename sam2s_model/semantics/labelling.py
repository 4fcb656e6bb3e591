"""From class logits of single frames to the label of an object: smoothed over time, unknown when in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam2s_model.masklet import Label

DECAY = 0.9  # share of the earlier frames in the smoothed logits: about ten frames count
LEAST_MARGIN = 0.2  # of the best class before the second, in probability, for a name; tissue was never taught (SAM2S)


@dataclass(frozen=True)
class ClassEvidence:
    """What has been seen of one object's class: smoothed logits (K,) over the frames on which it was present."""

    logits: NDArray[np.float64]
    frames: int = 1

    @classmethod
    def of(cls, logits: Sequence[float]) -> ClassEvidence:
        """Begin with one frame."""
        return cls(np.asarray(logits, np.float64))

    def then(self, logits: Sequence[float]) -> ClassEvidence:
        """Add one more frame. The first ten count alike, later ones push out earlier ones."""
        decay = min(DECAY, self.frames / (self.frames + 1))
        return ClassEvidence(decay * self.logits + (1 - decay) * np.asarray(logits), self.frames + 1)

    def label(self, names: Sequence[str]) -> Label:
        """The likeliest of the K names, or none when the runner-up is too close."""
        likelihoods = np.exp(self.logits - self.logits.max())
        probabilities = likelihoods / likelihoods.sum()
        best, second = (*np.argsort(-probabilities)[:2], None)[:2]
        margin = float(probabilities[best] - (0.0 if second is None else probabilities[second]))
        name = names[best] if margin >= LEAST_MARGIN else ''
        return Label(name, float(probabilities[best]), margin)

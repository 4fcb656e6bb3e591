"""Promptable tissue by kind: what it is made of, its outline, and how vague its border is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.shapes import blob, duct, lobe, loop, pear, round_bump


@dataclass(frozen=True)
class TissueKind:
    """One kind of tissue; its name is the paper's.

    Attributes:
        looks: Names of what it may be made of; none for that of its surroundings.
        outline: Draws its shape, about one unit large.
        size: Smallest and largest size, in image sides.
        softness: How wide its border is, least and most, as a share of its size.
        ragged: How far the border wanders, as a share of its size.
        swelling: How far from the border it rises, least and most, as a share of its size.
        height: How much nearer to the camera than the rest it may lie, 0 for what is part of the surface.
    """

    looks: tuple[str, ...]
    outline: Callable[[np.random.Generator], Array]
    size: tuple[float, float]
    softness: tuple[float, float]
    ragged: float
    swelling: tuple[float, float]
    height: float


KINDS = {
    'polyp': TissueKind((), round_bump, (0.15, 0.6), (0.02, 0.12), 0.03, (0.3, 0.5), 0.1),
    'liver': TissueKind(('liver',), lobe, (0.6, 1.3), (0.005, 0.03), 0.03, (0.05, 0.25), 0.25),
    'gallbladder': TissueKind(('gallbladder', 'bowel'), pear, (0.35, 0.9), (0.01, 0.06), 0.05, (0.15, 0.35), 0.2),
    'uterus': TissueKind(('uterus', 'peritoneum'), round_bump, (0.4, 0.9), (0.01, 0.06), 0.05, (0.2, 0.45), 0.15),
    'small intestine': TissueKind(('bowel',), loop, (0.5, 1.1), (0.005, 0.04), 0.02, (0.08, 0.14), 0.2),
    'kidney parenchyma': TissueKind(('kidney',), round_bump, (0.3, 0.8), (0.01, 0.08), 0.06, (0.15, 0.4), 0.1),
    'spleen': TissueKind(('spleen',), lobe, (0.4, 0.9), (0.005, 0.03), 0.02, (0.05, 0.3), 0.2),
    'fat': TissueKind(('omentum',), blob, (0.3, 0.9), (0.03, 0.14), 0.12, (0.1, 0.35), 0.1),
    'connective tissue': TissueKind(('fascia',), blob, (0.3, 0.9), (0.05, 0.16), 0.18, (0.1, 0.4), 0.0),
    'hepatic vein': TissueKind(('vein',), duct, (0.6, 1.6), (0.006, 0.03), 0.0, (0.03, 0.06), 0.0),
    'cystic duct': TissueKind(('gallbladder', 'fascia'), duct, (0.4, 1.0), (0.01, 0.03), 0.0, (0.03, 0.06), 0.05),
}

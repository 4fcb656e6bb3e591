"""The stage of one video: what lies behind everything, and what may appear on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam2s_model.phantom.backdrop import Backdrop, canvas_shape
from sam2s_model.phantom.bleeding import draw_bleeding
from sam2s_model.phantom.config import PhantomConfig
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.procedures import PROCEDURES
from sam2s_model.phantom.textures import draw_collage
from sam2s_model.phantom.tissue import TissueLook, draw_tissue, random_look
from sam2s_model.phantom.tissue_kinds import KINDS

_RARELY = 0.25  # how often an image has a dark border when no procedure says so


@dataclass(frozen=True)
class Stage:
    """Attributes:
    backdrop: What lies behind everything.
    look: Of the tissue, None where there is none.
    tissues: Kinds of tissue, and instruments: classes, that may be drawn on it.
    border: Whether the image has a dark border. falloff: How quickly light fades to the side, 1 for the usual.
    warmth: RGB gain of light and camera.
    """

    backdrop: Backdrop
    look: TissueLook | None
    tissues: tuple[str, ...]
    instruments: tuple[str, ...]
    border: bool
    falloff: float
    warmth: tuple[float, float, float]


def draw_stage(rng: np.random.Generator, config: PhantomConfig, times: Array) -> Stage:
    """Draw tissue of one procedure, tissue of any kind, or something else altogether."""
    if rng.random() >= config.tissue:
        backdrop = draw_collage(rng, config.height, config.width, config.photos)
        # Benches and bedrooms are lit evenly, unless an endoscope is the only lamp.
        falloff = float(rng.choice([0.2, 2.0], p=[0.75, 0.25]))
        return Stage(backdrop, None, config.tissues, config.classes, False, falloff, (1.0, 1.0, 1.0))
    if rng.random() < config.typical:
        return _procedure_stage(rng, config, times)
    look = random_look(rng)
    border = bool(rng.random() < _RARELY)
    backdrop = _tissue(rng, config, times, look, ())
    return Stage(backdrop, look, config.tissues, config.classes, border, 1.0, (1.0, 1.0, 1.0))


def _procedure_stage(rng: np.random.Generator, config: PhantomConfig, times: Array) -> Stage:
    procedure = PROCEDURES[str(rng.choice(config.procedures))]
    look = random_look(rng, procedure.looks)
    beside = tuple(name for kind in procedure.tissues for name in KINDS[kind].looks)
    return Stage(
        backdrop=_tissue(rng, config, times, look, (*procedure.looks, *beside)),
        look=look,
        tissues=_common(procedure.tissues, config.tissues),
        instruments=_common(procedure.instruments, config.classes),
        border=bool(rng.random() < procedure.border),
        falloff=procedure.falloff,
        warmth=procedure.warmth,
    )


def _tissue(
    rng: np.random.Generator, config: PhantomConfig, times: Array, look: TissueLook, beside: tuple[str, ...]
) -> Backdrop:
    backdrop = draw_tissue(rng, look, config.height, config.width, beside)
    if rng.random() >= config.rates.bleeding * config.disturbance:
        return backdrop
    canvas = canvas_shape(config.height, config.width)
    return replace(backdrop, bleeding=draw_bleeding(rng, times, *canvas, min(config.height, config.width)))


def _common(typical: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """What is typical and allowed, or all that is allowed."""
    return tuple(name for name in typical if name in allowed) or allowed

"""How often a video is spoiled, and in what way."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class DisturbanceRates:
    """Share of videos in which each disturbance occurs at strength 1, in [0, 1].

    Attributes:
        smoke, fog: Drifting and even veil. glare: A blown-out spot. defocus: Focus that comes and goes.
        lens_blood: Drops on the lens. bleeding: Blood that spreads over the tissue.
        lighting: Strong changes of exposure.
        cleaning: The lens becomes wet, is wiped, and clears.
        outside: The endoscope is drawn out of the body. blank: The picture is lost. Both hide everything.
        noise, sharpen: Of the camera. jpeg: Compression of each image. blocks: Of the video, in stale blocks.
        interlace: Odd rows lag by one frame.
    """

    smoke: float = 0.22
    fog: float = 0.15
    glare: float = 0.12
    defocus: float = 0.25
    lens_blood: float = 0.08
    bleeding: float = 0.08
    lighting: float = 0.1
    cleaning: float = 0.03
    outside: float = 0.02
    blank: float = 0.02
    noise: float = 0.8
    sharpen: float = 0.35
    jpeg: float = 0.6
    blocks: float = 0.12
    interlace: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate <= 1:
                raise ValueError(f'{field.name}: expected a share of videos in [0, 1], came {rate}')


USUAL = DisturbanceRates()
# For videos that are to be hard because of what lies between object and screen.
HEAVY = DisturbanceRates(
    smoke=0.5, fog=0.3, glare=0.3, defocus=0.5, lens_blood=0.25, bleeding=0.4, lighting=0.3, cleaning=0.3, outside=0.25,
    blank=0.25, noise=1.0, jpeg=0.7, blocks=0.4, interlace=0.2,
)  # fmt: skip

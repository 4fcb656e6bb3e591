"""What a simulated person does on a clip: which frames are prompted at first, with what, and which are corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2s_model.training.clips import Clip
from sam2s_model.training.prompt_simulation import BOX_NOISE, BOX_NOISE_LIMIT, KINDS, PromptKind


@dataclass(frozen=True)
class PromptSettings:
    """How clips are prompted. The defaults are those of the shipped small network.

    Attributes:
        kinds: Shares of clips prompted with a mask, a box and a click (SAM 2: 0.5, 0.25, 0.25).
        conditioning: Fewest and most frames prompted at first; more than one on consecutive clips alone (SAM 2: 1, 2).
        corrected: Fewest and most frames that clicks correct, those prompted at first included; they become
            conditioning frames (SAM 2: 1, 2). Never on clips prompted with masks; on DiveMem clips the first alone.
        clicks: Corrections of such a frame (SAM 2: 7).
        stray: Share of decodings that one more click corrects without making the frame a conditioning one (SAM 2: 0).
        on_object: How often a correction falls anywhere on the object instead of on an error (SAM 2: 0.1).
        central: How often a click falls as far as it can from the edge of what it is meant for, as careful
            people click, instead of anywhere on it (SAM 2: 0).
        box_noise, box_noise_limit: Largest shift of a box's corners, as a share of its side and in pixels.
    """

    kinds: tuple[float, float, float] = (0.25, 0.45, 0.3)
    conditioning: tuple[int, int] = (1, 1)
    corrected: tuple[int, int] = (0, 0)
    clicks: int = 7
    stray: float = 0.25
    on_object: float = 0.0
    central: float = 0.0
    box_noise: float = BOX_NOISE
    box_noise_limit: float = BOX_NOISE_LIMIT

    def __post_init__(self) -> None:
        if min(self.kinds) < 0 or abs(sum(self.kinds) - 1) > 1e-6:
            raise ValueError(f'kinds: expected shares of mask, box and click that add up to 1, came {self.kinds}')
        for name, least in (('conditioning', 1), ('corrected', 0)):
            fewest, most = getattr(self, name)
            if not least <= fewest <= most:
                raise ValueError(f'{name}: expected {least} ≤ fewest ≤ most, came {(fewest, most)}')


@dataclass(frozen=True)
class PromptPlan:
    """What is done on the frames of one clip.

    Attributes:
        kind: What the conditioning frames are prompted with.
        conditioning: Frames prompted at first; 0 is always among them.
        corrected: Frames whose masks clicks correct.
    """

    kind: PromptKind
    conditioning: tuple[int, ...]
    corrected: tuple[int, ...]

    def order(self, frames: int) -> list[int]:
        """Frames as they are trained: what is prompted at first is known when the others are tracked (SAM 2)."""
        return [*self.conditioning, *(t for t in range(frames) if t not in self.conditioning)]


def plan_prompts(rng: np.random.Generator, settings: PromptSettings, clip: Clip) -> PromptPlan:
    """Draw what is done on a clip."""
    kind = _draw_kind(rng, settings, is_image=clip.masks.shape[1] == 1)
    conditioning = (0, *_more_conditioning(rng, settings, clip))
    return PromptPlan(kind, conditioning, () if kind == 'mask' else _corrected(rng, settings, clip, conditioning))


def _draw_kind(rng: np.random.Generator, settings: PromptSettings, is_image: bool) -> PromptKind:
    shares = np.array(settings.kinds)
    if is_image and shares[1:].any():
        shares[0] = 0  # a mask prompt on a single image leaves nothing to learn (SAM 2)
    return KINDS[int(rng.choice(len(KINDS), p=shares / shares.sum()))]


def _more_conditioning(rng: np.random.Generator, settings: PromptSettings, clip: Clip) -> tuple[int, ...]:
    """Frames beside the first one that are prompted at first, among those that show every object."""
    wanted = _between(rng, settings.conditioning) - 1
    if not wanted or clip.is_divemem:
        return ()
    complete = np.flatnonzero(clip.masks.any(axis=(2, 3)).all(axis=0))
    return _choose(rng, complete[complete > 0], wanted)


def _corrected(
    rng: np.random.Generator, settings: PromptSettings, clip: Clip, conditioning: tuple[int, ...]
) -> tuple[int, ...]:
    fewest, most = settings.corrected
    if not most:
        return ()
    if clip.is_divemem:
        return conditioning
    count = _between(rng, (max(fewest, min(len(conditioning), most)), most))
    others = np.array([t for t in range(clip.masks.shape[1]) if t not in conditioning])
    return conditioning[:count] + _choose(rng, others, count - len(conditioning))


def _between(rng: np.random.Generator, limits: tuple[int, int]) -> int:
    fewest, most = limits
    return fewest if fewest == most else int(rng.integers(fewest, most + 1))


def _choose(rng: np.random.Generator, candidates: np.ndarray, count: int) -> tuple[int, ...]:
    count = min(count, len(candidates))
    return tuple(sorted(map(int, rng.choice(candidates, count, replace=False)))) if count > 0 else ()

"""A simulated person prompts the objects of one clip and corrects their masks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sam2s_model.network import MaskOutput, PromptBatch
from sam2s_model.training.clips import Clip
from sam2s_model.training.prompt_plan import PromptPlan, PromptSettings
from sam2s_model.training.prompt_simulation import Masks, correct, simulate


class Person:
    """Somebody who knows the truth about a clip."""

    def __init__(
        self,
        rng: np.random.Generator,
        settings: PromptSettings,
        plan: PromptPlan,
        clip: Clip,
        device: torch.device,
    ) -> None:
        self._rng, self._settings, self._plan, self._clip, self._device = rng, settings, plan, clip, device

    def first_prompt(self, t: int) -> PromptBatch | None:
        """What frame t is prompted with before anything is known of it; None where it is tracked."""
        if t not in self._plan.conditioning:
            return None
        settings = self._settings
        prompt = simulate(
            self._rng,
            self._plan.kind,
            self._masks(t),
            settings.box_noise,
            settings.box_noise_limit,
            settings.central,
        )
        return self._move(prompt)

    def clicks(self, t: int, output: MaskOutput) -> int:
        """How many clicks will correct the masks of frame t; none where a mask was given."""
        if output.proposals is None:
            return 0
        if t in self._plan.corrected:
            return self._settings.clicks
        return int(self._rng.random() < self._settings.stray)

    def click(self, t: int, prompt: PromptBatch | None, logits: Tensor) -> PromptBatch:
        """One more click for each object, where the masks (N, 1, S/4, S/4) of frame t are wrong."""
        chance = self._settings.on_object
        on_object = chance > 0 and self._rng.random() < chance
        return self._move(correct(self._rng, prompt, logits, self._masks(t), on_object, self._settings.central))

    def _masks(self, t: int) -> Masks:
        return self._clip.masks[:, t]

    def _move(self, prompt: PromptBatch) -> PromptBatch:
        device = self._device
        return PromptBatch(
            prompt.points.to(device),
            prompt.labels.to(device),
            None if prompt.mask is None else prompt.mask.to(device),
            None if prompt.previous_logits is None else prompt.previous_logits.to(device),
        )

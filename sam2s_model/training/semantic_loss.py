"""The loss of temporal semantic learning: an instrument shall be nearest to the text of its class (SAM2S Eq. 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sam2s_model.semantics import InstrumentBank, class_logits

NO_CLASS = -1  # nobody has said what it is
OTHER = -2  # tissue, or anything else that the bank has no class for


def class_targets(labels: Sequence[str], bank: InstrumentBank) -> Tensor:
    """Index (N,) of each object's class in the bank, on its device; `OTHER` for what it lacks, `NO_CLASS` for no name.

    Args:
        labels: Class name of each of N objects, empty where it is not known. An underscore counts as a space.
        bank: The classes.
    """
    numbers = {_spelling(name): number for number, name in enumerate(bank.names)}
    indices = [numbers.get(_spelling(label), OTHER) if label else NO_CLASS for label in labels]
    return torch.tensor(indices, dtype=torch.long, device=bank.embeddings.device)


def semantic_loss(
    semantics: Tensor, targets: Tensor, present: Tensor, bank: InstrumentBank, other_weight: float = 0.0
) -> Tensor:
    """L_tsl, of weight λ_tsl = 0.1 in Eq. 1: mean cross-entropy over the objects that have a class and can be seen.

    Eq. 3 is a softmax over τ · cos(x'_c, t_k), k = 1 … K. The text vectors are fixed. Gradients go through the semantic
    branch on into the memory and the decoder that it reads: that is how the paper's masks gain from it. Where no object
    counts, it is 0. Not in the paper: what is no instrument shall look like all classes alike, so that nobody takes it
    for one (outlier exposure, Hendrycks et al. 2019).

    Args:
        semantics: (N, D) `MaskOutput.semantics`.
        targets: (N,) what `class_targets` says.
        present: (N,) whether the object is in the frame, truly and to the network (object score above 0).
        bank: The classes.
        other_weight: Of an object that is `OTHER`, in relation to one that has a class; 0 leaves them out.
    """
    there, is_other = present.bool(), targets == OTHER
    weights = there * ((targets >= 0) + other_weight * is_other)
    log_shares = class_logits(semantics, bank.embeddings).log_softmax(1)
    right = log_shares.gather(1, targets.clamp_min(0).unsqueeze(1)).squeeze(1)
    each = -torch.where(is_other, log_shares.mean(1), right)
    return (weights * each).sum() / (weights > 0).sum().clamp_min(1)


def _spelling(name: str) -> str:
    return name.replace('_', ' ')

"""The loss of temporal semantic learning: an instrument shall be nearest to the text of its class (SAM2S Eq. 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.semantics import InstrumentBank, class_logits

NO_CLASS = -1


def class_targets(labels: Sequence[str], bank: InstrumentBank) -> Tensor:
    """Index (N,) of each object's class in the bank, on its device; `NO_CLASS` for tissue and all else that it lacks.

    Args:
        labels: Class name of each of N objects, empty where it is not known. An underscore counts as a space.
        bank: The classes.
    """
    numbers = {_spelling(name): number for number, name in enumerate(bank.names)}
    indices = [numbers.get(_spelling(label), NO_CLASS) for label in labels]
    return torch.tensor(indices, dtype=torch.long, device=bank.embeddings.device)


def semantic_loss(semantics: Tensor, targets: Tensor, present: Tensor, bank: InstrumentBank) -> Tensor:
    """L_tsl, of weight λ_tsl = 0.1 in Eq. 1: mean cross-entropy over the objects that have a class and can be seen.

    Eq. 3 is a softmax over τ · cos(x'_c, t_k), k = 1 … K. The text vectors are fixed. Gradients go through the semantic
    branch on into the memory and the decoder that it reads: that is how the paper's masks gain from it. Where no object
    counts, it is 0.

    Args:
        semantics: (N, D) `MaskOutput.semantics`.
        targets: (N,) what `class_targets` says.
        present: (N,) whether the object is in the frame, truly and to the network (object score above 0).
        bank: The classes.
    """
    counted = (targets != NO_CLASS) & present.bool()
    logits = class_logits(semantics, bank.embeddings)
    each = F.cross_entropy(logits, targets, reduction='none', ignore_index=NO_CLASS) * counted
    return each.sum() / counted.sum().clamp_min(1)


def _spelling(name: str) -> str:
    return name.replace('_', ' ')

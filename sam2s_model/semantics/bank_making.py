"""Makes an instrument bank: every class in words, through a text encoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.semantics.class_list import ClassList
from sam2s_model.semantics.instrument_bank import InstrumentBank
from sam2s_model.semantics.text_encoders import TextEncoder


@torch.inference_mode()
def make_bank(classes: ClassList, encoder: TextEncoder) -> InstrumentBank:
    """Average each class over its phrases and templates, as CLIP does for its zero-shot classifiers."""
    embeddings = torch.stack([_mean_direction(encoder.encode(classes.sentences(name))) for name in classes.phrases])
    return InstrumentBank(tuple(classes.phrases), embeddings.clone(), encoder.name, classes.templates)


def _mean_direction(vectors: Tensor) -> Tensor:
    """The unit vector (D,) between vectors (n, D) of any length."""
    return F.normalize(F.normalize(vectors.float(), dim=1).mean(0), dim=0)

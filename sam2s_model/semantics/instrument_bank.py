"""The instrument bank: a text vector for each class, made once; no text encoder is needed at run time (SAM2S)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

LOGIT_SCALE = 100.0  # τ of SAM2S Eq. 3, which multiplies the cosine as in OVSeg; divided by it, all classes are alike
EMBEDDINGS = 'embeddings'  # name of the tensor in the file


class BadInstrumentBank(ValueError):
    """The file is no instrument bank, or not one for these weights; the message says what."""


@dataclass(frozen=True, eq=False)
class InstrumentBank:
    """The classes that an object is compared with.

    Attributes:
        names: The K class names.
        embeddings: (K, D) float32 unit vectors t_1 … t_K of SAM2S Eq. 3.
        encoder: The text encoder that made them. Weights of a semantic branch belong to one encoder.
        templates: Sentences that the names were put into, with `{}` in the name's place.
    """

    names: tuple[str, ...]
    embeddings: Tensor
    encoder: str
    templates: tuple[str, ...]

    @property
    def dim(self) -> int:
        """D, the channels of the text encoder."""
        return self.embeddings.shape[1]

    def to(self, device: torch.device) -> InstrumentBank:
        return replace(self, embeddings=self.embeddings.to(device))


def class_logits(semantics: Tensor, embeddings: Tensor) -> Tensor:
    """Logits (N, K) float32 of SAM2S Eq. 3: τ · cos(x'_c, t_k).

    Args:
        semantics: (N, D) what the semantic branch says of N objects.
        embeddings: (K, D) unit vectors of the classes.
    """
    with torch.autocast(semantics.device.type, enabled=False):
        return LOGIT_SCALE * F.normalize(semantics.float(), dim=1) @ embeddings.T


def save_bank(bank: InstrumentBank, path: Path) -> None:
    """Write the bank as safetensors, with all that is not a number as metadata."""
    metadata = {
        'names': json.dumps(bank.names),
        'dim': str(bank.dim),
        'encoder': bank.encoder,
        'templates': json.dumps(bank.templates),
    }
    save_file({EMBEDDINGS: bank.embeddings.contiguous()}, path, metadata)


def read_bank(path: Path) -> InstrumentBank:
    """Read an instrument bank.

    Raises:
        FileNotFoundError: There is no such file.
        BadInstrumentBank: It holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f'instrument bank {path} does not exist')
    try:
        with safe_open(path, 'pt') as file:
            metadata, embeddings = file.metadata() or {}, file.get_tensor(EMBEDDINGS)
        names, templates = (tuple(map(str, json.loads(metadata[key]))) for key in ('names', 'templates'))
    except (SafetensorError, KeyError, ValueError) as reason:
        raise BadInstrumentBank(
            f'{path}: expected an instrument bank, as `python -m sam2s_model.semantics make` writes it ({reason})'
        ) from None
    if embeddings.ndim != 2 or len(embeddings) != len(names):
        shape = tuple(embeddings.shape)
        raise BadInstrumentBank(f'{path}: expected one row of numbers for each of {len(names)} names, came {shape}')
    return InstrumentBank(names, F.normalize(embeddings.float(), dim=1), metadata.get('encoder', ''), templates)

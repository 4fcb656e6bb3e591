"""What a state dict is, told by its names and shapes."""

from __future__ import annotations

from dataclasses import dataclass

from sam2s_model.checkpoint.files import StateDict
from sam2s_model.sizes import HIERA_SIZES

LITE = 'lite'
LITE_MARK = 'clue_encoder.'  # prefix of weights that the shipped network alone has
SAM2S_PREFIXES = ('divemem.', 'tsl.')  # what SAM2S adds to SAM 2.1, under names of ours

SEMANTIC_OUTPUT = 'tsl.proj.layers.1.weight'  # (D, C), of our semantic branch

# SAM 2.1 has these and SAM 2.0 does not.
NEW_IN_21 = frozenset({'no_obj_embed_spatial', 'obj_ptr_tpos_proj.bias', 'obj_ptr_tpos_proj.weight'})

BACKGROUND = 'image_encoder.trunk.pos_embed'
BLOCK = 'image_encoder.trunk.blocks.'


@dataclass(frozen=True)
class CheckpointKind:
    """What a checkpoint is.

    Attributes:
        family: 'SAM 2.0', 'SAM 2.1', 'SAM2S', 'lite', or 'unknown'.
        size: The size it fits, None where there is none.
    """

    family: str
    size: str | None

    def __str__(self) -> str:
        return self.family if self.size in (None, self.family) else f'{self.family} {self.size}'


def recognise(weights: StateDict) -> CheckpointKind:
    """Tell the family by names and the size by shapes."""
    if any(name.startswith(LITE_MARK) for name in weights):
        return CheckpointKind('lite', LITE)
    if BACKGROUND not in weights or weights[BACKGROUND].ndim != 4:
        return CheckpointKind('unknown', None)
    return CheckpointKind(_family(weights), _size(weights))


def semantic_dim(weights: StateDict) -> int | None:
    """D of the instrument bank that a trained semantic branch belongs to; None where there is no branch of ours."""
    return len(weights[SEMANTIC_OUTPUT]) if SEMANTIC_OUTPUT in weights else None


def _family(weights: StateDict) -> str:
    if any(name.startswith(SAM2S_PREFIXES) for name in weights):
        return 'SAM2S'
    return 'SAM 2.1' if NEW_IN_21 & weights.keys() else 'SAM 2.0'


def _size(weights: StateDict) -> str | None:
    width = weights[BACKGROUND].shape[1]
    blocks = len({name.removeprefix(BLOCK).split('.')[0] for name in weights if name.startswith(BLOCK)})
    fitting = (name for name, size in HIERA_SIZES.items() if (size.embed_dim, sum(size.blocks)) == (width, blocks))
    return next(fitting, None)

"""Weights into a network: what fits, what is filled in, what is left over."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import nn

from sam2s_model.checkpoint.files import CheckpointMismatch, StateDict
from sam2s_model.checkpoint.recognition import LITE, NEW_IN_21, CheckpointKind, recognise

SHOWN = 5  # names in an error message
LONG_TERM = 'divemem.long_tpos'
SHORT_TERM_AND_CONDITIONING = 'maskmem_tpos_enc'
SEMANTIC = 'tsl.'

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadPlan:
    """What a state dict would do to a network.

    Attributes:
        kind: What the state dict is.
        weights: All that would be loaded, also what the file itself lacks.
        filled: Names that the file lacks, and where their values come from.
        unknown: Names in the file that the network has no place for. They change nothing.
        missing: Names that the network needs.
        reshaped: Names of another shape, with both shapes.
    """

    kind: CheckpointKind
    weights: StateDict
    filled: dict[str, str]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    reshaped: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the network can be run with it. Weights that nobody else can have made must fit to the last."""
        return not (self.missing or self.reshaped or (self.kind.size == LITE and self.unknown))


def plan_loading(network: nn.Module, weights: StateDict) -> LoadPlan:
    """Compare a state dict with a network, which may lie on the meta device. Changes nothing."""
    expected = network.state_dict()
    fillings = _fillings(weights, expected)
    complete = {**weights, **{name: value for name, (value, _) in fillings.items()}}
    known = expected.keys() & complete.keys()
    return LoadPlan(
        kind=recognise(weights),
        weights={name: complete[name] for name in known},
        filled={name: origin for name, (_, origin) in fillings.items()},
        unknown=tuple(sorted(complete.keys() - known)),
        missing=tuple(sorted(expected.keys() - known)),
        reshaped=tuple(
            f'{name} {tuple(complete[name].shape)} instead of {tuple(expected[name].shape)}'
            for name in sorted(known)
            if complete[name].shape != expected[name].shape
        ),
    )


def load_weights(network: nn.Module, weights: StateDict, source: str) -> LoadPlan:
    """Load a state dict. Unknown names are returned and logged.

    Args:
        network: Where to.
        weights: What `read_weights` has read.
        source: Where from, for messages.

    Raises:
        CheckpointMismatch: Names or shapes differ, or weights are no numbers; the first few are listed. The network is
            unchanged.
    """
    plan = plan_loading(network, weights)
    if not plan.fits:
        problems = {'missing': plan.missing, 'unknown': plan.unknown, 'of other shape': plan.reshaped}
        listed = '; '.join(f'{len(names)} {kind}: {_some(names)}' for kind, names in problems.items() if names)
        raise CheckpointMismatch(f'{source} is {plan.kind} and does not fit {type(network).__name__}. {listed}')
    broken = tuple(sorted(name for name, value in plan.weights.items() if not value.isfinite().all()))
    if broken:
        raise CheckpointMismatch(f'{source}: expected numbers, came NaN or infinity in {len(broken)}: {_some(broken)}')
    network.load_state_dict(plan.weights)
    for name, origin in plan.filled.items():
        _log.info('%s has no %s; it is %s', source, name, origin)
    if plan.unknown:
        _log.warning('%s: %d unknown weights are not used: %s', source, len(plan.unknown), ', '.join(plan.unknown))
    return plan


def _fillings(weights: StateDict, expected: StateDict) -> dict[str, tuple[torch.Tensor, str]]:
    """Values of what a file lacks for a good reason, with the reason."""
    fillings: dict[str, tuple[torch.Tensor, str]] = {}
    if not NEW_IN_21 & weights.keys():
        for name in NEW_IN_21 & expected.keys():
            # Added or multiplied, zeros are what SAM 2.0 does without them: nothing.
            fillings[name] = torch.zeros(expected[name].shape), 'zero, as in SAM 2.0'
    temporal = weights.get(SHORT_TERM_AND_CONDITIONING)
    if LONG_TERM in expected and LONG_TERM not in weights and temporal is not None and temporal.ndim == 4:
        # Until it is trained, a long-term frame is seen as a prompted one, as in ReSurgSAM2.
        count = len(expected[LONG_TERM])
        origin = f'the conditioning embedding of {SHORT_TERM_AND_CONDITIONING}'
        fillings[LONG_TERM] = temporal[-1:].expand(count, -1, -1, -1), origin
    if not any(name.startswith(SEMANTIC) for name in weights):
        # Only who is about to train the branch builds it for weights without one.
        fillings |= {n: (v, 'fresh, to be trained') for n, v in expected.items() if n.startswith(SEMANTIC)}
    return fillings


def _some(names: tuple[str, ...]) -> str:
    return ', '.join(names[:SHOWN]) + (', …' if len(names) > SHOWN else '')

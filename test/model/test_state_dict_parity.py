"""Our state dict is the reference implementation's, name for name: its checkpoints load in ours, and ours there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from parity_row import Row

from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES

pytestmark = pytest.mark.parity

PARAMETERS = {'tiny': 38_962_498, 'small': 46_060_354, 'base_plus': 80_850_178, 'large': 224_446_642}  # published
OTHERS = [pytest.param(size, marks=pytest.mark.parity_table) for size in PARAMETERS if size != 'tiny']


@pytest.mark.parametrize('size', ['tiny', *OTHERS])
def test_names_and_shapes(build_reference: Callable[..., Any], size: str, record_property: Any) -> None:
    theirs = {name: value.shape for name, value in build_reference(size, 256).state_dict().items()}
    with torch.device('meta'):
        network = Sam2s(HIERA_SIZES[size])
    ours = {name: value.shape for name, value in network.state_dict().items()}
    parameters = sum(value.numel() for value in network.parameters()) - network.divemem.long_tpos.numel()
    compared = f'{len(theirs)} tensors, {parameters:,} parameters'
    record_property('parity', Row('State dict', 'names and shapes, both ways', size, compared=compared, bound='equal'))
    assert ours.pop('divemem.long_tpos') == (1, 1, 1, 64)
    assert ours == theirs
    assert parameters == PARAMETERS[size]


def test_a_checkpoint_of_the_reference_loads_and_ours_loads_there(build_reference: Callable[..., Any]) -> None:
    reference, network = build_reference('tiny', 256), Sam2s(HIERA_SIZES['tiny'], 256)
    missing, unexpected = network.load_state_dict(reference.state_dict(), strict=False)
    assert (missing, unexpected) == (['divemem.long_tpos'], [])
    weights = network.state_dict()
    del weights['divemem.long_tpos']
    reference.load_state_dict(weights)

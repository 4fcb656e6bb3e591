"""The peers by name."""

from __future__ import annotations

import torch

from sam2s_model.build import SHIPPED_WEIGHTS
from sam2s_model.checkpoint import read_weights
from sam2s_model.lite_trunk import LiteTrunk
from sam2s_model.peers.first_mask import FirstMask
from sam2s_model.peers.mask_carrier import CarryingTracker, MaskCarrier
from sam2s_model.peers.optical_flow import OpticalFlow
from sam2s_model.peers.propagation import Propagation

PEERS = ('first-mask', 'flow', 'propagation')
TRUNK = 'trunk.'  # prefix of the trunk's weights among those that we ship


def build_peer(name: str, threads: int | None = None) -> CarryingTracker:
    """Build a peer, ready for its first frame; `threads` are CPU threads for torch.

    Raises:
        ValueError: There is no peer of this name.
    """
    if name not in PEERS:
        raise ValueError(f'unknown peer {name!r}; expected one of {list(PEERS)}')
    if threads:
        torch.set_num_threads(threads)
    return CarryingTracker(_carrier(name))


def _carrier(name: str) -> MaskCarrier:
    if name == 'first-mask':
        return FirstMask()
    return OpticalFlow() if name == 'flow' else Propagation(_shipped_trunk())


def _shipped_trunk() -> LiteTrunk:
    """The frozen ImageNet trunk out of the weights that we ship."""
    weights = read_weights(SHIPPED_WEIGHTS)
    trunk = LiteTrunk()
    trunk.load_state_dict({key.removeprefix(TRUNK): value for key, value in weights.items() if key.startswith(TRUNK)})
    return trunk.requires_grad_(False)

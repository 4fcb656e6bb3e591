"""Trackers to compare with: floors that learn nothing, behind the same door as `Tracker`."""

from sam2s_model.peers.build import PEERS, build_peer
from sam2s_model.peers.mask_carrier import CarryingTracker

__all__ = ['PEERS', 'CarryingTracker', 'build_peer']

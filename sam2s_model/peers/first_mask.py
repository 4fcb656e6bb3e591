"""The first mask stays where it is: what a score is worth when nothing moves."""

from __future__ import annotations

from sam2s_model.peers.mask_carrier import Image, Mask


class FirstMask:
    """Carries masks by leaving them in place."""

    def __init__(self) -> None:
        self._masks: dict[str, Mask] = {}

    def carry(self, rgb: Image) -> dict[str, Mask]:
        """See `MaskCarrier`."""
        return dict(self._masks)

    def place(self, rgb: Image, object_id: str, mask: Mask) -> None:
        """See `MaskCarrier`."""
        self._masks[object_id] = mask

    def reset(self) -> None:
        """See `MaskCarrier`."""
        self._masks = {}

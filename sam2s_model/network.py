"""What tracker and trainer need of a network, whatever it is made of.

A network holds weights and no history. It turns an image into features, features and memory into masks, and a mask into
something to remember. `Sam2s` is SAM 2.1 with the additions of SAM2S; `MatchingSam2s` is the small size that we ship.

Shape letters, here and in every module: N objects, T frames, C channels, H W image pixels, S side of the square model
input, h w cells of a feature map, P points, L memory tokens.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from torch import Tensor

from sam2s_model.frame_memory import Recall
from sam2s_model.mask_decoder import DecoderOutput, HighResFeatures

NO_OBJECT_LOGIT = -1024.0  # every mask logit of an object that is not in the frame (SAM 2)
PREVIOUS_LOGIT_LIMIT = 32.0  # earlier mask logits are clamped to ± this before they prompt a correction (SAM 2)

Calibration: TypeAlias = Any  # what a network learns of a stream from its first prompted frame; opaque to others
MemoryContent: TypeAlias = Any  # what a network remembers of one object on one frame; opaque to others


class FrameFeatures(NamedTuple):
    """What is known of one frame before any object is known.

    Attributes:
        image: (1, 3, S, S) the normalised input.
        stride16: (1, C, S/16, S/16) features that memory and decoder work on.
        high_res: Fine features for mask borders.
        embedding: (D,) what DiveMem compares frames by, E(f) in SAM2S Eq. 2.
        keys: (S/8 · S/8, K) unit vectors for matching; None where the network does not match.
        appearance: (1, C, h, w) the trunk's maps spread out, the finest first, at stride 4; None without target models.
        found: What was looked up ahead, for the network that did so.
    """

    image: Tensor
    stride16: Tensor
    high_res: HighResFeatures
    embedding: Tensor
    keys: Tensor | None = None
    appearance: tuple[Tensor, ...] | None = None
    found: Mapping[Hashable, Any] | None = None


class PromptBatch(NamedTuple):
    """Prompts of one kind for N objects, in pixels of the S × S input.

    Attributes:
        points: (N, P, 2) x, y; a box is its two corners.
        labels: (N, P) kinds of points, see `prompt_encoder`.
        mask: (N, 1, S, S) in {0, 1} for a mask prompt, which replaces the points.
        previous_logits: (N, 1, S/4, S/4) mask so far, when clicks correct it.
    """

    points: Tensor
    labels: Tensor
    mask: Tensor | None = None
    previous_logits: Tensor | None = None


class MaskOutput(NamedTuple):
    """Masks of N objects on one frame.

    Attributes:
        mask_logits: (N, 1, S/4, S/4), above 0 is the object, `NO_OBJECT_LOGIT` everywhere when it is absent.
        iou: (N,) predicted quality in [0, 1].
        object_score: (N,) logit that the object is in the frame.
        pointer: (N, C) object pointers, or None where the network has none.
        proposals: Everything the decoder said, for the losses; None after a mask prompt that bypassed it.
        semantics: (N, D) what the objects are, in the space of an instrument bank (SAM2S, x'_c); 0 for an object that
            was not looked at; None without a semantic branch, or where the decoder was bypassed.
    """

    mask_logits: Tensor
    iou: Tensor
    object_score: Tensor
    pointer: Tensor | None
    proposals: DecoderOutput | None
    semantics: Tensor | None = None


class Network(Protocol):
    """A promptable video segmentation network."""

    image_size: int
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]

    def calibrate(self, image: Tensor) -> Calibration:
        """Learn from the first prompted frame (1, 3, S, S) what this stream looks like."""
        ...

    def encode_image(self, image: Tensor, calibration: Calibration) -> FrameFeatures:
        """Encode one frame (1, 3, S, S); once a frame, whatever the number of objects."""
        ...

    def layout(self, recall: Recall[MemoryContent]) -> Hashable:
        """Objects whose recalls have the same layout can be tracked as one batch."""
        ...

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[MemoryContent]], prompt: PromptBatch | None
    ) -> MaskOutput:
        """Segment N objects on one frame from what each remembers (equal layouts), a prompt, or both."""
        ...

    def encode_memory(
        self, features: FrameFeatures, recalls: Sequence[Recall[MemoryContent]], output: MaskOutput, prompted: bool
    ) -> list[MemoryContent]:
        """Turn the masks of N objects into what each shall remember of this frame."""
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """A network that can begin with a frame while the one before it is still tracked."""

    def look_ahead(
        self, image: Tensor, calibration: Calibration, groups: Sequence[Sequence[Recall[MemoryContent]]]
    ) -> FrameFeatures:
        """Encode a frame (1, 3, S, S), and look up what groups of objects with equal layouts remember so far."""
        ...

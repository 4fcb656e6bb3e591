"""MatchingSam2s, the small size that we ship: SAM 2.1's mask decoder on an explicit matching read-out.

A frozen trunk gives keys; remembered frames keep their keys and the object's mask. What matching reads out is the dense
prompt of the mask decoder and the start of its masks: untrained, the decoder adds nothing and the read-out is the mask.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sam2s_model import class_reader, prompt_reader
from sam2s_model.class_reader import ClassReader
from sam2s_model.clue import MAPS, ClueEncoder, find_clue
from sam2s_model.compute import has_fast_bfloat16
from sam2s_model.frame_memory import Recall, Role
from sam2s_model.image_encoder import FpnNeck
from sam2s_model.int8_trunk import Int8Trunk, read_ranges
from sam2s_model.layers import Mlp, channels_last
from sam2s_model.lite_neck import encode_deep, encode_fine
from sam2s_model.lite_trunk import LiteTrunk, TrunkMaps
from sam2s_model.mask_decoder import MASKS, DecoderOutput, MaskDecoder, choose_mask
from sam2s_model.mask_outputs import MASK_PROMPT_LOGIT, gate, mask_as_output, propose, propose_again, show_found
from sam2s_model.matching import STRIDE, ReadOut
from sam2s_model.memory_read_out import FINER, CellMask, look_up_ahead
from sam2s_model.network import FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.object_looks import MAX_LOGIT, Learnt, learn_looks, redraw
from sam2s_model.position_encoding import RandomFourier
from sam2s_model.precision import computing_in, narrow_weights
from sam2s_model.prompt_encoder import PromptEmbedding
from sam2s_model.prompt_reader import Looks, PromptDrawing, PromptReader, Reading, Reference
from sam2s_model.prompt_view import (
    View,
    choose_mask_views,
    choose_views,
    cut_image,
    cut_logits,
    paste_logits,
    points_in_views,
)
from sam2s_model.refiner import Refiner
from sam2s_model.second_look import ask_again, join, looks_of, nothing_said, split, whose_turn
from sam2s_model.stream_basis import StreamBasis, learn_basis, matching_keys, spread_out
from sam2s_model.target_model import fit_target_model
from sam2s_model.whereabouts import doubt_returns, without_specks

KEY_DIM = 64
VIEW_SIDE = 256  # pixels of the square in which a prompt is read
NECK_CHANNELS = (24, 40, 112, 320)  # of the trunk's maps at strides 4, 8, 16 and 32
CLASS_VIEW_SIDE = 256  # pixels of the square in which an object's class is read
CLASS_TURN = 16  # frames, on one of which an object's class is read; each object has its own
D_MODEL = 128
NO_POINTS = 2  # tokens that say so, as SAM 2.1's decoder reads them where nobody has clicked
HALF_KEYS = torch.bfloat16  # whatever the half precision: matching's weights reach e^25, more than float16 can hold
START_WEIGHT = 0.6  # of the read-out's logits in the mask's; 0.5 in training: a mask sure of itself learns nothing
REMEMBERED_SHARPNESS = 4.0  # of tracked masks; remembered softly, a mask would blur a little more with every frame


class MatchingSam2s(nn.Module):
    """A promptable video segmentation network of 15 million parameters; see `network.Network`."""

    pixel_mean = (0.5, 0.5, 0.5)
    pixel_std = (0.5, 0.5, 0.5)
    eight_bits = ('mask_reader', 'seeker')  # what is kept in so many in a file

    def __init__(self, image_size: int = 384, d_model: int = D_MODEL, semantic_dim: int | None = None) -> None:
        """Build with fresh weights; `semantic_dim`, D of an instrument bank, adds the semantic branch."""
        super().__init__()
        if image_size % 64:
            raise ValueError(f'image_size must be a multiple of 64, got {image_size}')
        self.image_size = image_size
        self.look_turn = 1  # frames, on one of which each object is looked at again or sought; 0: on none
        self.precision = torch.float32  # of trunk and refiner: bfloat16 is three times as fast where the CPU has it
        self.trunk = channels_last(LiteTrunk().requires_grad_(False))
        self._int8_trunk: Int8Trunk | None = None
        self._known_position: Tensor | None = None
        self.tap_norms = nn.ModuleList(nn.BatchNorm2d(count) for count in NECK_CHANNELS)
        self.neck = FpnNeck(NECK_CHANNELS, d_model)
        self.pe_layer = RandomFourier(d_model)
        self.no_point = nn.Embedding(1, d_model)
        self.clue_encoder = ClueEncoder(d_model)
        self.refiner = channels_last(Refiner(d_model // 4, d_model // 8, 1 + MAPS))
        self.mask_decoder = MaskDecoder(d_model, heads=4, ffn=512, iou_hidden=d_model)
        self.tsl = ClassReader(NECK_CHANNELS[1:], semantic_dim) if semantic_dim else None
        self.prompt_reader = channels_last(PromptReader(NECK_CHANNELS))
        self.mask_reader = channels_last(PromptReader(NECK_CHANNELS, refers=True))
        self.seeker = channels_last(PromptReader(NECK_CHANNELS, refers=True))
        self._start_from_the_read_out()

    def _start_from_the_read_out(self) -> None:
        for head in self.mask_decoder.output_hypernetworks_mlps:
            _silence(head, 0.0)
        _silence(self.mask_decoder.iou_prediction_head, 2.0)
        _silence(self.mask_decoder.pred_obj_score_head, 4.0)

    def train(self, mode: bool = True) -> MatchingSam2s:
        """Switch everything but the trunk and the statistics of its maps."""
        super().train(mode)
        self.trunk.eval()
        self.tap_norms.eval()
        return self

    def compute_in(self, precision: torch.dtype) -> None:
        """Compute trunk and refiner in a number type, for tracking alone: their weights are kept in it, too.

        int8 is for the trunk; the refiner then computes in bfloat16 where CPUs are fast with that.
        """
        if precision == torch.int8:
            self._int8_trunk = Int8Trunk(self.trunk, read_ranges())
            self.precision = torch.bfloat16 if has_fast_bfloat16(torch.device('cpu')) else torch.float32
            narrow_weights((self.refiner,), self.precision)
            return
        self.precision = precision
        narrow_weights((self.trunk, self.refiner), precision)

    @torch.no_grad()
    def fit_tap_norms(self, images: Tensor) -> None:
        """Set the statistics of the trunk's maps from a batch of images (N, 3, S, S), before training."""
        for norm, features in zip(self.tap_norms, self._taps(self._see(images)), strict=True):
            assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_(features.mean((0, 2, 3)))
            norm.running_var.copy_(features.var((0, 2, 3)))

    @torch.no_grad()
    def calibrate(self, image: Tensor) -> StreamBasis:
        """Learn the basis of a stream from its first prompted frame (1, 3, S, S)."""
        return learn_basis(_looks(self._see(image)), KEY_DIM)

    def encode_image(self, image: Tensor, calibration: StreamBasis) -> FrameFeatures:
        """Encode one frame (1, 3, S, S)."""
        with torch.no_grad():
            maps = self._see(image)
            appearance = spread_out(_looks(maps), calibration)
            keys = matching_keys(appearance, calibration)
            keys = keys if self.precision == torch.float32 else keys.to(HALF_KEYS)
        fine, deep = self._taps(maps)[:2], self._taps(maps)[2:]
        high_res = encode_fine(fine, self.tap_norms, self.neck, self.mask_decoder)
        normed = [norm(features) for norm, features in zip(self.tap_norms[2:], deep, strict=True)]
        stride16, embedding = encode_deep(normed, self.neck), keys.float().flatten()
        return FrameFeatures(image, stride16, high_res, embedding, keys, appearance)

    def look_ahead(
        self, image: Tensor, calibration: StreamBasis, groups: Sequence[Sequence[Recall[CellMask]]]
    ) -> FrameFeatures:
        """Encode a frame (1, 3, S, S), and match it with what groups of objects remember so far."""
        features = self.encode_image(image, calibration)
        assert features.keys is not None, 'matching needs keys'
        side = features.image.shape[-1] // STRIDE
        found: dict[Hashable, ReadOut] = {}
        for recalls in groups:
            found.update(look_up_ahead(features.keys, recalls, side))
        return features._replace(found=found)

    def _see(self, images: Tensor) -> TrunkMaps:
        if self._int8_trunk is not None:
            return self._int8_trunk(images)
        # The trunk is never trained. What convolves fastest knows no gradients; only copies of its maps may have any.
        with torch.inference_mode(), computing_in(self.precision, images):
            maps = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return TrunkMaps(*(features.to(torch.float32, copy=True) for features in maps))

    def _taps(self, maps: TrunkMaps) -> tuple[Tensor, ...]:
        return maps.stride4, maps.stride8, maps.stride16, maps.stride32

    def _normed_taps(self, maps: TrunkMaps) -> list[Tensor]:
        return [norm(features) for norm, features in zip(self.tap_norms, self._taps(maps), strict=True)]

    def layout(self, recall: Recall[CellMask]) -> Hashable:
        """Objects that remember the same recent frames are tracked together, whatever they remember for long."""
        return tuple(slot.memory.index for slot in recall.frames if slot.role is Role.SHORT_TERM)

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[CellMask]], prompt: PromptBatch | None
    ) -> MaskOutput:
        """Segment N objects on one frame from memory, a prompt, or both."""
        if prompt is None:
            output = self._track(features, recalls)
            if self.look_turn and not self.training:
                turn = whose_turn(recalls, self.look_turn)
                output = self.seek(features.image, recalls, output, turn)
                output = self.look_again(features.image, recalls, output, turn)
            numbers = range(len(recalls)) if self.training else whose_turn(recalls, CLASS_TURN)
            return self._classify(features.image, output, numbers)
        output = self._answer(features, prompt) if prompt.mask is None else mask_as_output(prompt.mask)
        return self._classify(features.image, output, range(len(recalls)))

    def _track(self, features: FrameFeatures, recalls: Sequence[Recall[CellMask]]) -> MaskOutput:
        clue = find_clue(features, recalls)
        channels = clue.channels
        output = self._decode(features, channels)
        with computing_in(self.precision, channels):
            correction = self.refiner(channels, clue.logits / MAX_LOGIT, features.high_res)
        start = clue.logits * START_WEIGHT + correction.float()
        output = output._replace(mask_logits=output.mask_logits + start)
        chosen = choose_mask(output, multimask=False, stability_fallback=False)
        if not self.training:
            chosen = chosen._replace(mask_logits=without_specks(chosen.mask_logits, clue.near))
            output = output._replace(object_score=doubt_returns(output.object_score, chosen.iou, recalls))
        return gate(output, chosen)

    def look_again(
        self, image: Tensor, recalls: Sequence[Recall[CellMask]], output: MaskOutput, numbers: Sequence[int]
    ) -> MaskOutput:
        """Read some objects' tracked masks again, as far as they can be seen; see `second_look`.

        Qualities in use stay what the decoder said, which has seen what is remembered; in training the proposals are
        the readings, with the reader's own.
        """
        if not numbers:
            return output  # before the device is waited for
        masks = _shapes(output.mask_logits)
        known = {n: looks for n in numbers if masks[n].any() and (looks := looks_of(recalls[n])) is not None}
        if not known:
            return output
        seen = list(known)
        question = ask_again(output.mask_logits[seen], masks[seen])
        reading = self._read(image, *question, self.mask_reader, join(looks.near for looks in known.values()))
        logits = output.mask_logits.clone()
        logits[seen] = reading.mask_logits
        output = output._replace(mask_logits=logits)
        return propose_again(output, reading, seen) if self.training else output

    def seek(
        self, image: Tensor, recalls: Sequence[Recall[CellMask]], output: MaskOutput, numbers: Sequence[int]
    ) -> MaskOutput:
        """Look for some objects in the whole frame, those that are not seen; in training, for all."""
        if not numbers:
            return output  # before the device is waited for
        masks = _shapes(output.mask_logits)
        sought = [n for n in numbers if self.training or not masks[n].any()]
        known = {n: looks for n in sought if (looks := looks_of(recalls[n])) is not None}
        if not known:
            return output
        whole = join(looks.whole for looks in known.values())
        reading = self._read(image, nothing_said(image), [View(0, 0, image.shape[-1])], self.seeker, whole)
        return propose_again(output, reading, [*known]) if self.training else show_found(output, reading, [*known])

    @property
    def learns_to_look_again(self) -> bool:
        """Whether what reads tracked masks again is trained."""
        return not _is_frozen(self.mask_reader)

    @property
    def learns_to_seek(self) -> bool:
        """Whether what looks for lost objects is trained."""
        return not _is_frozen(self.seeker)

    def _answer(self, features: FrameFeatures, prompt: PromptBatch) -> MaskOutput:
        """What people point at is what the reader reads."""
        views = choose_views(prompt, features.image.shape[-1])
        reading = self._read(features.image, prompt, views, self.prompt_reader)
        assert features.appearance is not None, 'target models need maps'
        proposals = propose(reading._replace(mask_logits=redraw(features.appearance, reading.mask_logits, prompt)))
        return gate(proposals, choose_mask(proposals, multimask=False, stability_fallback=False))

    def _classify(self, image: Tensor, output: MaskOutput, numbers: Sequence[int]) -> MaskOutput:
        """Read what class some of the objects are, as far as they can be seen."""
        if self.tsl is None or (self.training and _is_frozen(self.tsl)):
            return output
        semantics = output.iou.new_zeros(len(output.mask_logits), self.tsl.dim)
        seen = [n for n in numbers if bool((output.mask_logits[n] > 0).any())]
        if seen:
            semantics[seen] = self._read_classes(image, output.mask_logits[seen].detach())
        return output._replace(semantics=semantics)

    def _read_classes(self, image: Tensor, mask_logits: Tensor) -> Tensor:
        """Vectors (N, D) of what objects are; each is looked at in a view of its own."""
        assert self.tsl is not None, 'no semantic branch'
        views = choose_mask_views(mask_logits > 0, image.shape[-1])
        shown = cut_image(image, views, CLASS_VIEW_SIDE)
        masks = cut_logits(mask_logits, views, CLASS_VIEW_SIDE // class_reader.MASK_STRIDE).sigmoid()
        with torch.no_grad():
            maps = self._normed_taps(self._see(shown))[1:]
        with computing_in(self.precision, shown):
            semantics: Tensor = self.tsl(maps, masks)
        return semantics

    def _read(
        self,
        image: Tensor,
        prompt: PromptBatch,
        views: Sequence[View],
        reader: PromptReader,
        reference: Reference | None = None,
    ) -> Reading:
        """Read N prompts on a frame (1, 3, S, S); the logits are those of the frame, (N, 1, S/4, S/4).

        One view with one prompt serves all objects of a reference.
        """
        shown, drawing = _show(image, prompt, views)
        with computing_in(self.precision, shown):
            reading = reader(shown, self._see_stride4(shown), self.tap_norms, drawing, reference)
        views = [*views] * (len(reading.iou) // len(views))
        pasted = paste_logits(reading.mask_logits, views, image.shape[-1], outside=-MASK_PROMPT_LOGIT)
        return Reading(pasted, reading.iou)

    def _note_looks(self, image: Tensor, masks: Tensor) -> list[Looks | None]:
        """Note how N objects look on a frame (1, 3, S, S) where people gave masks (N, 1, S/4, S/4), if not empty."""
        shapes = _shapes(masks)
        seen = [n for n, shape in enumerate(shapes) if shape.any()]
        noted: list[Looks | None] = [None] * len(masks)
        if seen:
            prompt, near = ask_again((masks[seen] * 2 - 1) * MASK_PROMPT_LOGIT, shapes[seen])
            whole = [View(0, 0, image.shape[-1])] * len(seen)
            in_near, in_whole = (
                split(self._refer(image, prompt, views, reader))
                for views, reader in ((near, self.mask_reader), (whole, self.seeker))
            )
            for n, *of_one in zip(seen, in_near, in_whole, strict=True):
                noted[n] = Looks(*of_one)
        return noted

    @torch.no_grad()
    def _refer(self, image: Tensor, prompt: PromptBatch, views: Sequence[View], reader: PromptReader) -> Reference:
        """How N objects look in views of a frame (1, 3, S, S), where their masks are the prompt's."""
        shown, drawing = _show(image, prompt, views)
        with computing_in(self.precision, shown):
            return reader.refer(self._see_stride4(shown), self.tap_norms, drawing)

    @torch.no_grad()
    def _see_stride4(self, shown: Tensor) -> Tensor:
        return self.trunk.see_stride4(shown.contiguous(memory_format=torch.channels_last))

    def _decode(self, features: FrameFeatures, channels: Tensor) -> DecoderOutput:
        output: DecoderOutput = self.mask_decoder(
            features.stride16,
            self._position(*features.stride16.shape[-2:]),
            PromptEmbedding(self.no_point.weight.expand(len(channels), NO_POINTS, -1), self.clue_encoder(channels)),
            features.high_res,
            masks=1 if torch.is_inference_mode_enabled() else MASKS,  # none but the first is chosen
        )
        return output

    def _position(self, h: int, w: int) -> Tensor:
        """Position code of the cells, (1, C, h, w); while frames are tracked, it is computed once."""
        if not torch.is_inference_mode_enabled():
            return self.pe_layer.grid(h, w)
        if self._known_position is None or self._known_position.shape[-2:] != (h, w):
            self._known_position = self.pe_layer.grid(h, w)
        return self._known_position

    def encode_memory(
        self, features: FrameFeatures, recalls: Sequence[Recall[CellMask]], output: MaskOutput, prompted: bool
    ) -> list[CellMask]:
        """Remember the frame's keys at stride 8 and the masks of N objects, in quarters of these cells."""
        assert features.keys is not None and features.appearance is not None, 'matching needs keys, a model maps'
        # A prompted mask is what a person said: remembered sharp. A tracked one keeps its doubts.
        masks = (output.mask_logits > 0).float() if prompted else (output.mask_logits * REMEMBERED_SHARPNESS).sigmoid()
        masks = masks.detach()
        noted: list[Looks | None] = [None] * len(masks)
        if prompted:
            learnt = [Learnt(fit_target_model(features.appearance, mask[0]), 0) for mask in masks]
            noted = self._note_looks(features.image, masks)
        else:
            qualities = output.iou.where(output.object_score > 0, 0.0)
            whose = zip(recalls, masks[:, 0], qualities, strict=True)
            learnt = [learn_looks(features.appearance, *of_one) for of_one in whose]
        quarters = F.pixel_unshuffle(masks, FINER).flatten(2)
        of_each = zip(quarters, learnt, noted, strict=True)
        return [CellMask(features.keys, mask, *lesson, looks) for mask, lesson, looks in of_each]


def _shapes(mask_logits: Tensor) -> NDArray[np.bool_]:
    """Masks (N, h, w) of logits (N, 1, h, w); the device is waited for once."""
    shapes: NDArray[np.bool_] = (mask_logits[:, 0] > 0).cpu().numpy()
    return shapes


def _show(image: Tensor, prompt: PromptBatch, views: Sequence[View]) -> tuple[Tensor, PromptDrawing]:
    """What views of a frame show, (N, 3, VIEW_SIDE, VIEW_SIDE), and the prompts in them."""
    cells = VIEW_SIDE // prompt_reader.STRIDE
    previous = None if prompt.previous_logits is None else cut_logits(prompt.previous_logits, views, cells)
    drawing = PromptDrawing(points_in_views(prompt.points, views), prompt.labels, previous)
    return cut_image(image, views, VIEW_SIDE), drawing


def _is_frozen(part: nn.Module) -> bool:
    return not any(weight.requires_grad for weight in part.parameters())


def _silence(head: nn.Module, answer: float) -> None:
    """Let a head give the same answer whatever it sees, until it is trained."""
    assert isinstance(head, Mlp)
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, answer)


def _looks(maps: TrunkMaps) -> tuple[Tensor, ...]:
    """The maps that show how things look rather than what they are."""
    return maps.stride4, maps.stride8, maps.stride16_early, maps.stride16

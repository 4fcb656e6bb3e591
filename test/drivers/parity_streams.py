"""Play a scene as a stream: through our tracker, and through the reference predictor of SAM 2.1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt, Prompt, Tracker
from sam2s_model.hole_filling import FILLED_LOGIT
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.network import FrameFeatures
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import Switches

LOGIT_TOLERANCE = 1e-3
LEAST_IOU = 0.999
SEEN, GONE = 5.0, -5.0  # bias of the object score


class Said(NamedTuple):
    """A prompt: when it is given, for which object, and on which frame it was drawn (by default the newest)."""

    when: int
    object_id: str
    prompt: Prompt
    drawn_on: int | None = None

    @property
    def frame(self) -> int:
        return self.when if self.drawn_on is None else self.drawn_on


@dataclass(frozen=True)
class Scene:
    """What people say during a video, in shares of the image side, and on which frames nothing is seen."""

    said: tuple[Said, ...]
    gone: range = range(0)


def scaled(prompt: Prompt, side: int) -> Prompt:
    """A prompt in shares of the image, in pixels."""
    if isinstance(prompt, MaskPrompt):
        mask = cv2.resize(prompt.mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
        return MaskPrompt(mask.astype(bool))
    points = tuple((x * side, y * side) for x, y in prompt.points)
    if isinstance(prompt, PointPrompt):
        return PointPrompt(points, prompt.labels)
    x0, y0, x1, y1 = (value * side for value in prompt.box)
    return BoxPrompt((x0, y0, x1, y1), points, prompt.labels)


class Seen(NamedTuple):
    """One object on one frame: logits (S/4, S/4) and mask (S, S)."""

    logits: Tensor
    mask: np.ndarray


Track = dict[tuple[int, str], Seen]  # by frame and object; negative frames are those that had passed already


def past(said: Said) -> int:
    return -1 - said.frame


class Ours:
    """Our tracker, played through a scene."""

    def __init__(self, network: Sam2s, memory: MemorySettings, switches: Switches) -> None:
        network.switches = switches
        self._network = network
        self._tracker = Tracker(network, torch.device('cpu'), memory, switches)

    def play(self, scene: Scene, frames: list[Frame]) -> Track:
        track: Track = {}
        for t, frame in enumerate(frames):
            force_presence(self._network, t not in scene.gone)
            result = self._tracker.step(frame)
            for said in (said for said in scene.said if said.when == t):
                prompt = scaled(said.prompt, frame.rgb.shape[0])
                answer = self._tracker.prompt(frames[said.frame], said.object_id, prompt)
                if said.frame == t:
                    result = answer
                else:
                    track[past(said), said.object_id] = self._staged(said, answer[said.object_id].mask)
            for seen in result.objects:
                newest = self._tracker._tracks[seen.object_id].newest
                if newest is not None and newest.frame_index == t:
                    track[t, seen.object_id] = Seen(newest.mask_logits[0, 0], seen.mask)
        return track

    def _staged(self, said: Said, mask: np.ndarray) -> Seen:
        logits = self._tracker._tracks[said.object_id]._staged[said.frame].mask_logits
        assert logits is not None
        return Seen(logits[0, 0], mask)


class Theirs:
    """The reference predictor, driven as a stream: one frame at a time, nothing computed twice."""

    def __init__(self, model: Any, folder: Path, switches: Switches) -> None:
        decoder = model.sam_mask_decoder
        decoder.dynamic_multimask_via_stability = switches.stability_fallback
        decoder.dynamic_multimask_stability_delta, decoder.dynamic_multimask_stability_thresh = 0.05, 0.98
        model.binarize_mask_from_pts_for_mem_enc = switches.binarize_prompted
        model.fill_hole_area = switches.fill_hole_area
        model.non_overlap_masks = switches.non_overlap
        model.add_all_frames_to_correct_as_cond = True
        self._model = model
        self._state = model.init_state(str(folder))

    def play(self, scene: Scene) -> Track:
        track: Track = {}
        start = 0
        for t in range(self._state['num_frames']):
            force_presence(self._model, t not in scene.gone)
            if self._state['obj_ids']:
                list(self._model.propagate_in_video(self._state, start, max_frame_num_to_track=t - start))
            start = t + 1
            for said in (said for said in scene.said if said.when == t):
                self._prompt(said)
                if said.frame == t:
                    start = t  # lets the frame count as tracked for an object that was added on it
                else:
                    track[past(said), said.object_id] = self._seen(said.frame)[said.object_id]
            track |= {(t, object_id): seen for object_id, seen in self._seen(t).items()}
        return track

    def _prompt(self, said: Said) -> None:
        prompt = scaled(said.prompt, self._model.image_size)
        if isinstance(prompt, MaskPrompt):
            self._model.add_new_mask(self._state, said.frame, said.object_id, prompt.mask)
            return
        box = prompt.box if isinstance(prompt, BoxPrompt) else None
        self._model.add_new_points_or_box(
            self._state,
            said.frame,
            said.object_id,
            points=np.array(prompt.points, np.float32).reshape(-1, 2),
            labels=np.array(prompt.labels, np.int32),
            box=None if box is None else np.array(box, np.float32),
            clear_old_points=box is not None,
        )

    def _seen(self, t: int) -> dict[str, Seen]:
        logits = {
            object_id: self._logits(number, t)
            for object_id, number in self._state['obj_id_to_idx'].items()
            if self._logits(number, t) is not None
        }
        if not logits:
            return {}
        _, masks = self._model._get_orig_video_res_output(self._state, torch.cat(list(logits.values())))
        return {
            object_id: Seen(small[0, 0], (mask[0] > 0).numpy())
            for (object_id, small), mask in zip(logits.items(), masks, strict=True)
        }

    def _logits(self, number: int, t: int) -> Any:
        for outputs in (self._state['temp_output_dict_per_obj'], self._state['output_dict_per_obj']):
            for kind in ('cond_frame_outputs', 'non_cond_frame_outputs'):
                if t in outputs[number][kind]:
                    return outputs[number][kind][t]['pred_masks']
        return None


def force_presence(model: Any, present: bool) -> None:
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(SEEN if present else GONE)


class MemoisedSam2s(Sam2s):
    """Encodes each frame once for all scenes."""

    def __init__(self, side: int) -> None:
        super().__init__(HIERA_SIZES['tiny'], side)
        self._known: dict[bytes, FrameFeatures] = {}

    def encode_image(self, image: Tensor, calibration: None) -> FrameFeatures:
        key = image.numpy().tobytes()
        if key not in self._known:
            self._known[key] = super().encode_image(image, calibration)
        return self._known[key]


def memoise(model: Any) -> None:
    known: dict[bytes, Any] = {}
    encode = model.forward_image

    def forward_image(image: Tensor) -> Any:
        key = image.numpy().tobytes()
        if key not in known:
            known[key] = encode(image)
        return known[key]

    model.forward_image = forward_image


def components(background: Tensor) -> tuple[Tensor, Tensor]:
    """What the reference's CUDA extension computes: labels and sizes of 8-connected regions, (N, 1, h, w)."""
    inside = background.float()
    cells = inside.new_tensor(range(1, background[0].numel() + 1)).view(background[0].shape)
    labels, before = cells * inside, inside
    while not labels.equal(before):
        labels, before = max_pool2d(labels, 3, stride=1, padding=1) * inside, labels
    sizes = torch.stack([plane.flatten().long().bincount()[plane.long()] for plane in labels])
    return labels, sizes


def assert_same(ours: Track, theirs: Track, record: Callable[[str, object], None]) -> None:
    """Compare all masks; note the worst of them for the table."""
    assert ours.keys() == theirs.keys()
    assert any(0.02 < seen.mask.mean() < 0.98 for seen in theirs.values()), 'masks of all or nothing prove nothing'
    difference = max(logit_difference(ours[key].logits, theirs[key].logits) for key in ours)
    iou = min(mask_iou(ours[key].mask, theirs[key].mask) for key in ours)
    record('parity', (f'{len(ours)} masks', f'{iou:.5f}', f'{difference:.1e}', f'{LEAST_IOU}, {LOGIT_TOLERANCE:.0e}'))
    assert difference < LOGIT_TOLERANCE
    assert iou >= LEAST_IOU


def logit_difference(a: Tensor, b: Tensor) -> float:
    """Largest difference of two maps but for filled holes: a logit of almost 0 decides whether there is one."""
    decoded = (a != FILLED_LOGIT) & (b != FILLED_LOGIT)
    return float((a - b)[decoded].abs().max())


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0

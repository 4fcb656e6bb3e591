"""Play a scene as a stream: through our tracker, and through the reference predictor of SAM 2.1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from parity_row import Row
from parity_scenes import Said, Scene
from parity_videos import Video
from torch import Tensor
from torch.nn.functional import max_pool2d

from sam2s_model import BoxPrompt, MaskPrompt, Tracker
from sam2s_model.hole_filling import FILLED_LOGIT
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s
from sam2s_model.switches import Switches

LOGIT_TOLERANCE = 1e-3
LEAST_IOU = 0.999
GONE = -100.0  # bias of the object score, of a network that shall see nothing


class Seen(NamedTuple):
    """One object on one frame: logits (S/4, S/4), mask (S, S), and where a rounding decides about the mask (S, S)."""

    logits: Tensor
    mask: np.ndarray
    undecided: np.ndarray | None = None


Track = dict[tuple[int, str], Seen]  # by frame and object; negative frames are those that had passed already


def past(said: Said) -> int:
    return -1 - said.frame


class Ours:
    """Our tracker, played through a scene."""

    def __init__(self, network: Sam2s, memory: MemorySettings, switches: Switches) -> None:
        network.switches = switches
        self._network = network
        self._tracker = Tracker(network, torch.device('cpu'), memory, switches)

    def play(self, scene: Scene, video: Video) -> Track:
        track: Track = {}
        for t in range(len(video.frames)):
            with blinded(self._network, t in scene.gone):
                track |= self._play_frame(t, scene, video)
        return track

    def _play_frame(self, t: int, scene: Scene, video: Video) -> Track:
        track: Track = {}
        result = self._tracker.step(video.frames[t])
        for said in (said for said in scene.said if said.when == t):
            prompt = video.prompt(said.kind, said.object_id, said.frame)
            answer = self._tracker.prompt(video.frames[said.frame], said.object_id, prompt)
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

    def __init__(self, model: Any, video: Video, switches: Switches) -> None:
        decoder = model.sam_mask_decoder
        decoder.dynamic_multimask_via_stability = switches.stability_fallback
        decoder.dynamic_multimask_stability_delta, decoder.dynamic_multimask_stability_thresh = 0.05, 0.98
        model.binarize_mask_from_pts_for_mem_enc = switches.binarize_prompted
        model.fill_hole_area = switches.fill_hole_area
        model.non_overlap_masks = switches.non_overlap
        model.add_all_frames_to_correct_as_cond = True
        self._model = model
        self._video = video
        self._state = model.init_state(str(video.folder))

    def play(self, scene: Scene) -> Track:
        track: Track = {}
        start = 0
        for t in range(self._state['num_frames']):
            with blinded(self._model, t in scene.gone):
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
        prompt = self._video.prompt(said.kind, said.object_id, said.frame)
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
            object_id: Seen(small[0, 0], (mask[0] > 0).numpy(), (mask[0].abs() < LOGIT_TOLERANCE).numpy())
            for (object_id, small), mask in zip(logits.items(), masks, strict=True)
        }

    def _logits(self, number: int, t: int) -> Any:
        for outputs in (self._state['temp_output_dict_per_obj'], self._state['output_dict_per_obj']):
            for kind in ('cond_frame_outputs', 'non_cond_frame_outputs'):
                if t in outputs[number][kind]:
                    return outputs[number][kind][t]['pred_masks']
        return None


@contextmanager
def blinded(model: Any, blind: bool) -> Iterator[None]:
    """Make a network, ours or theirs, see no object for a while."""
    bias = model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data
    own = bias.clone()
    if blind:
        bias.fill_(GONE)
    yield
    bias.copy_(own)


def memoise(model: Any, method: str) -> None:
    """Let a network, ours or theirs, encode each frame once for all scenes."""
    known: dict[bytes, Any] = {}
    encode = getattr(model, method)

    def encode_once(image: Tensor, *others: object) -> Any:
        key = image.numpy().tobytes()
        if key not in known:
            known[key] = encode(image, *others)
        return known[key]

    setattr(model, method, encode_once)


def components(background: Tensor) -> tuple[Tensor, Tensor]:
    """What the reference's CUDA extension computes: labels and sizes of 8-connected regions, (N, 1, h, w)."""
    inside = background.float()
    cells = inside.new_tensor(range(1, background[0].numel() + 1)).view(background[0].shape)
    labels, before = cells * inside, inside
    while not labels.equal(before):
        labels, before = max_pool2d(labels, 3, stride=1, padding=1) * inside, labels
    sizes = torch.stack([plane.flatten().long().bincount()[plane.long()] for plane in labels])
    return labels, sizes


@dataclass(frozen=True)
class Pair:
    """Both implementations with the same weights, and a video for them."""

    reference: Any
    network: Sam2s
    video: Video

    def __post_init__(self) -> None:
        memoise(self.reference, 'forward_image')
        memoise(self.network, 'encode_image')

    def play(self, scene: Scene, memory: MemorySettings, switches: Switches) -> tuple[Track, Track]:
        """What we see and what they see; theirs fills holes by `components`, as its extension is left out."""
        silent = patch('sam2.sam2_video_predictor.tqdm', lambda frames, **_: frames)
        with silent, patch('sam2.utils.misc.get_connected_components', components):
            theirs = Theirs(self.reference, self.video, switches).play(scene)
        return Ours(self.network, memory, switches).play(scene, self.video), theirs


def compare(ours: Track, theirs: Track, row: Row) -> Row:
    """Complete a row of the table by the largest difference and the worst of all masks."""
    assert ours.keys() == theirs.keys()
    assert any(0.005 < seen.mask.mean() < 0.98 for seen in theirs.values()), 'masks of all or nothing prove nothing'
    return replace(
        row,
        compared=f'{len(ours)} masks on {len({t for t, _ in ours if t >= 0})} frames',
        iou=min(decided_iou(ours[key], theirs[key]) for key in ours),
        difference=max(logit_difference(ours[key].logits, theirs[key].logits) for key in ours),
        bound=f'IoU ≥ {LEAST_IOU}, logits < {LOGIT_TOLERANCE:.0e}',
    )


def assert_within_bounds(row: Row) -> None:
    assert row.difference is not None and row.difference < LOGIT_TOLERANCE
    assert row.iou is not None and row.iou >= LEAST_IOU


def true_iou(track: Track, video: Video) -> float:
    """Mean IoU with the truth, to tell whether masks mean something."""
    frames = [(key, seen) for key, seen in track.items() if key[0] >= 0]
    return float(np.mean([mask_iou(seen.mask, video.masks[name][t]) for (t, name), seen in frames]))


def logit_difference(a: Tensor, b: Tensor) -> float:
    """Largest difference of two maps but for filled holes: a logit of almost 0 decides whether there is one."""
    decoded = (a != FILLED_LOGIT) & (b != FILLED_LOGIT)
    return float((a - b)[decoded].abs().max())


def decided_iou(ours: Seen, theirs: Seen) -> float:
    """IoU of two masks without the pixels whose logit is nearer to 0 than logits may differ."""
    decided = np.ones_like(theirs.mask) if theirs.undecided is None else ~theirs.undecided
    return mask_iou(ours.mask & decided, theirs.mask & decided)


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0

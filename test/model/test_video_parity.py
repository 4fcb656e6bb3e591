"""Whole videos: our tracker finds the masks that the reference predictor of SAM 2.1 finds with the same weights.

The reference is the PyPI package `sam2` (extra `reference`), driven frame by frame as a stream would be. Weights are
random, so masks mean nothing; that they agree to the last frame means that everything between prompt and mask agrees,
memory above all. Both see the same square frames: resizing has its own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt, Prompt, Tracker
from sam2s_model.checkpoint import load_weights
from sam2s_model.hole_filling import FILLED_LOGIT
from sam2s_model.image_transforms import to_masks
from sam2s_model.memory_settings import SAM2, MemorySettings
from sam2s_model.network import FrameFeatures
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import RELEASED_PREDICTOR, VOS_BENCHMARK, Switches

pytestmark = pytest.mark.parity

LENGTH = 40
FRAME_NS = 40_000_000
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


def click(x: float, y: float, label: int = 1) -> PointPrompt:
    return PointPrompt(((x, y),), (label,))


BOX = BoxPrompt((0.1, 0.25, 0.4, 0.6))
DISC = MaskPrompt(np.hypot(*(np.mgrid[:64, :64] / 64 - 0.4)) < 0.15)
THREE = PointPrompt(((0.25, 0.4), (0.3, 0.45), (0.7, 0.8)), (1, 1, 0))

SCENES = {
    'box': Scene((Said(0, 'a', BOX),)),
    'click': Scene((Said(0, 'a', click(0.25, 0.4)),)),
    '3 clicks': Scene((Said(0, 'a', THREE),)),
    '3 clicks, one by one': Scene(
        (Said(0, 'a', click(0.25, 0.4)), Said(0, 'a', click(0.3, 0.5)), Said(0, 'a', click(0.7, 0.8, 0)))
    ),
    'box and click': Scene((Said(0, 'a', BOX), Said(0, 'a', click(0.3, 0.3, 0)))),
    'mask': Scene((Said(0, 'a', DISC),)),
    'mask, then click': Scene((Said(0, 'a', DISC), Said(0, 'a', click(0.7, 0.7)))),
    'corrections': Scene(
        (
            Said(0, 'a', BOX),
            Said(12, 'a', click(0.6, 0.5)),
            Said(12, 'a', click(0.2, 0.2, 0)),
            Said(20, 'a', DISC),
            Said(26, 'a', BoxPrompt((0.3, 0.3, 0.8, 0.7))),
        )
    ),
    'correction on a frame that has passed': Scene(
        (
            Said(0, 'a', BOX),
            Said(14, 'a', click(0.6, 0.5), drawn_on=11),
            Said(14, 'a', click(0.2, 0.2, 0), drawn_on=11),
            Said(25, 'a', click(0.3, 0.5), drawn_on=0),
        )
    ),
    'three objects': Scene((Said(0, 'a', BOX), Said(7, 'b', click(0.7, 0.3)), Said(15, 'c', DISC))),
    'disappearance': Scene((Said(0, 'a', BOX), Said(0, 'b', DISC)), gone=range(14, 23)),
}

# Objects of a random network are so alike that a rounding error decides who owns a pixel. That switch has its own test.
SWITCHES = {'released': RELEASED_PREDICTOR, 'vos': replace(VOS_BENCHMARK, non_overlap=False)}


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
        for t in range(LENGTH):
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


@contextmanager
def filling_holes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the reference fill holes without its extension, instead of leaving it out."""
    with monkeypatch.context() as patch:
        patch.setattr('sam2.utils.misc.get_connected_components', components)
        yield


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = pytest.importorskip('sam2.sam2_video_predictor')
    monkeypatch.setattr(predictor, 'tqdm', lambda frames, **_: frames)


@dataclass(frozen=True)
class Pair:
    """Both implementations with the same weights, and a video for them."""

    reference: Any
    network: MemoisedSam2s
    folder: Path
    frames: list[Frame]


@pytest.fixture(scope='module', params=[128, pytest.param(512, marks=pytest.mark.slow)], ids='{}px'.format)
def pair(request: pytest.FixtureRequest, build_reference: Callable[..., Any], tmp_path_factory: Any) -> Pair:
    side = request.param
    return pair_up(build_reference('tiny', side), side, tmp_path_factory.mktemp(f'video{side}'))


def pair_up(reference: Any, side: int, folder: Path) -> Pair:
    memoise(reference)
    network = MemoisedSam2s(side)
    load_weights(network, reference.state_dict(), 'reference')
    return Pair(reference, network.eval(), folder, draw_video(folder, side))


def draw_video(folder: Path, side: int) -> list[Frame]:
    """A disc drifts over a texture that drifts otherwise, and for a while it is dark."""
    pillow = pytest.importorskip('PIL.Image')
    rng = np.random.default_rng(0)
    texture = cv2.resize(
        rng.integers(0, 256, (16, 16, 3), np.uint8), (2 * side, 2 * side), interpolation=cv2.INTER_CUBIC
    )
    y, x = np.mgrid[:side, :side] / side
    frames = []
    for t in range(LENGTH):
        corner, share = round(t * side / 100), t / LENGTH
        image = texture[corner : corner + side, 2 * corner : 2 * corner + side].copy()
        image[np.hypot(x - 0.25 - 0.4 * share, y - 0.4 - 0.2 * share) < 0.13] = (220, 60, 50)
        path = folder / f'{t}.jpg'
        pillow.fromarray(image if t not in range(14, 23) else image // 4).save(path, quality=95)
        frames.append(Frame(np.array(pillow.open(path)), t * FRAME_NS))
    return frames


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


@pytest.mark.parametrize('switches', SWITCHES.values(), ids=SWITCHES.keys())
@pytest.mark.parametrize('scene', SCENES.values(), ids=SCENES.keys())
def test_video(
    pair: Pair, scene: Scene, switches: Switches, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    with filling_holes(monkeypatch):
        theirs = Theirs(pair.reference, pair.folder, switches).play(scene)
    ours = Ours(pair.network, SAM2, switches).play(scene, pair.frames)
    assert_same(ours, theirs, record_property)


STRIDE = 3


def test_video_with_a_temporal_stride(pair: Pair, record_property: Any) -> None:
    scene = SCENES['corrections']
    pair.reference.memory_temporal_stride_for_eval = STRIDE
    theirs = Theirs(pair.reference, pair.folder, VOS_BENCHMARK).play(scene)
    pair.reference.memory_temporal_stride_for_eval = 1
    memory = replace(SAM2, short_stride=STRIDE * FRAME_NS / 1e9)
    assert_same(Ours(pair.network, memory, VOS_BENCHMARK).play(scene, pair.frames), theirs, record_property)


def test_video_with_weights_of_sam_2_0(
    build_reference: Callable[..., Any], tmp_path: Path, record_property: Any
) -> None:
    pair = pair_up(build_reference('tiny', 128, release='2.0'), 128, tmp_path)
    scene = SCENES['disappearance']
    theirs = Theirs(pair.reference, pair.folder, SWITCHES['vos']).play(scene)
    assert_same(Ours(pair.network, SAM2, SWITCHES['vos']).play(scene, pair.frames), theirs, record_property)


def test_overlapping_objects_are_separated_as_in_the_reference(pair: Pair) -> None:
    logits = torch.randn(3, 32, 32) * 5
    large = interpolate(logits[:, None], (128, 128), mode='bilinear')
    theirs = pair.reference._apply_non_overlapping_constraints(large)[:, 0] > 0
    ours = np.stack(to_masks(logits, 128, 128, non_overlap=True))
    assert mask_iou(ours, theirs.numpy()) >= LEAST_IOU

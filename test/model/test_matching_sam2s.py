"""The shipped network, with a trunk of random weights where it does not matter and the shipped ones where it does."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch

from sam2s_model import BoxPrompt, Frame, FrameResult, MaskPrompt, PointPrompt, Tracker, build_tracker
from sam2s_model.build import LITE_MEMORY
from sam2s_model.frame_memory import Role
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.object_looks import PATIENCE
from sam2s_model.phantom import generate, preset
from sam2s_model.switches import Switches

SIDE = 256


def frames_of_a_moving_disc(count: int) -> tuple[list[Frame], list[np.ndarray]]:
    """A red disc that drifts over grey noise: frames, and its masks."""
    rng = np.random.default_rng(0)
    background = rng.integers(60, 120, (SIDE, SIDE, 3), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    frames, masks = [], []
    for t in range(count):
        mask = (x - 80 - 6 * t) ** 2 + (y - 120 - 2 * t) ** 2 < 36**2
        rgb = background.copy()
        rgb[mask] = (210, 50, 40)
        frames.append(Frame(rgb, t * 40_000_000))
        masks.append(mask)
    return frames, masks


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def tracker(precision: str = 'auto') -> Tracker:
    return build_tracker('lite', device='cpu', image_size=SIDE, precision=precision)


def test_a_mask_prompt_is_followed_through_the_video() -> None:
    frames, masks = frames_of_a_moving_disc(10)
    tracked = tracker()
    tracked.prompt(frames[0], 'disc', MaskPrompt(masks[0]))
    scores = [iou(tracked.step(frame)['disc'].mask, mask) for frame, mask in zip(frames[1:], masks[1:], strict=True)]
    assert min(scores) > 0.7


def test_the_shipped_size_follows_the_edges_of_the_image() -> None:
    frames, masks = frames_of_a_moving_disc(4)
    results = []
    for tracked in (tracker(), build_tracker('lite', device='cpu', image_size=SIDE, switches=Switches())):
        tracked.prompt(frames[0], 'disc', MaskPrompt(masks[0]))
        results.append(min(iou(tracked.step(f)['disc'].mask, m) for f, m in zip(frames[1:], masks[1:], strict=True)))
    along_edges, as_drawn = results
    assert along_edges > as_drawn


@pytest.mark.parametrize(
    ('prompt', 'least'),
    [(BoxPrompt((44, 84, 117, 157)), 0.7), (PointPrompt(((80, 120),), (1,)), 0.4)],
    ids=['box', 'click'],
)
def test_a_box_finds_the_object_and_a_click_much_of_it(prompt: BoxPrompt | PointPrompt, least: float) -> None:
    frames, masks = frames_of_a_moving_disc(1)
    assert iou(tracker().prompt(frames[0], 'disc', prompt)['disc'].mask, masks[0]) > least


def test_a_negative_click_takes_from_the_mask_where_it_is_made() -> None:
    (frame,), (mask,) = frames_of_a_moving_disc(1)
    right = mask & (np.arange(SIDE) > 80)
    tracked = tracker()
    before = tracked.prompt(frame, 'disc', BoxPrompt((44, 84, 117, 157)))['disc'].mask
    after = tracked.prompt(frame, 'disc', PointPrompt(((98, 120),), (0,)))['disc'].mask
    lost = before & ~after
    assert (lost & right).sum() > 0
    assert (lost & right).sum() > (lost & mask & ~right).sum()


def test_a_prompted_mask_comes_back_as_it_was_given() -> None:
    frames, masks = frames_of_a_moving_disc(1)
    result = tracker().prompt(frames[0], 'disc', MaskPrompt(masks[0]))['disc']
    assert iou(result.mask, masks[0]) > 0.93
    assert result.score == 1.0


@pytest.mark.parametrize(('precision', 'least'), [('float32', 1.0), ('auto', 0.98)])
def test_objects_do_not_influence_each_other(precision: str, least: float) -> None:
    """But for the last digits where speed counts for more, as background of all is read coarsely, and for contests."""
    video = generate(preset('training', frames=5, height=SIDE, width=SIDE, objects=(3, 3), photos=False), seed=5)
    frames = [Frame(rgb, t * 40_000_000) for t, rgb in enumerate(video.frames)]
    shown = [k for k in range(1, len(video.names) + 1) if (video.labels[0] == k).sum() > 50]

    def masks_of(first: int, others: list[int]) -> list[np.ndarray]:
        tracked = build_tracker('lite', device='cpu', image_size=SIDE, precision=precision, switches=Switches())
        for k in (first, *others):
            tracked.prompt(frames[0], str(k), MaskPrompt(video.labels[0] == k))
        return [tracked.step(frame)[str(first)].mask for frame in frames[1:]]

    alone, together = masks_of(shown[0], []), masks_of(shown[0], shown[1:])
    assert len(shown) > 1
    assert all(iou(a, b) >= least for a, b in zip(alone, together, strict=True))


def test_objects_with_memories_of_their_own_are_tracked_as_one_batch() -> None:
    """A disc and its halves, prompted on different frames and with long-term frames of their own."""
    memory = replace(LITE_MEMORY, candidate_interval=0.1, min_iou=0.3)
    frames, masks = frames_of_a_moving_disc(22)
    left = np.arange(SIDE) < 92
    prompts = {0: ('whole', masks[0]), 2: ('left', masks[2] & left), 3: ('right', masks[3] & ~left)}

    def run(apart: bool) -> tuple[FrameResult, list[tuple[int, ...]]]:
        alone = Switches()  # objects that contest cells depend on who is tracked with them
        tracked = build_tracker(
            'lite', device='cpu', image_size=SIDE, precision='float32', memory=memory, switches=alone
        )
        network = tracked._network
        with patch.object(network, 'layout', (lambda _: object()) if apart else network.layout):
            for t, frame in enumerate(frames):
                result = tracked.step(frame)
                if t in prompts:
                    object_id, mask = prompts[t]
                    tracked.prompt(frame, object_id, MaskPrompt(mask))
            assert len(tracked._groups(tracked._tracks.values(), len(frames))) == (3 if apart else 1)
        return result, [tuple(m.index for m in track.bank.long_term) for track in tracked._tracks.values()]

    together, long_term = run(apart=False)
    assert all(long_term) and len(set(long_term)) > 1
    apart, remembered = run(apart=True)
    assert remembered == long_term
    for object_id, _ in prompts.values():
        assert np.array_equal(apart[object_id].mask, together[object_id].mask)
        label, expected = apart[object_id].label, together[object_id].label
        assert label is not None and expected is not None
        assert label.name == expected.name  # though each has its turn to be read by its place in the batch


@pytest.mark.parametrize(('precision', 'least'), [('float32', 1.0), ('bfloat16', 0.98)])
def test_masks_are_the_same_where_a_frame_is_begun_before_its_turn(precision: str, least: float) -> None:
    """But for rounding; in half precision far from objects, too, where frames ahead are read in full."""
    frames, masks = frames_of_a_moving_disc(12)
    plain, ahead = tracker(precision), tracker(precision)
    for t, frame in enumerate(frames):
        begun = ahead.look_ahead(frame) if t > 1 else frame  # now, or while the frame before it is tracked
        expected, found = plain.step(frame), ahead.step(begun)
        if t == 0:
            for tracked in (plain, ahead):
                tracked.prompt(frame, 'disc', MaskPrompt(masks[0]))
        else:
            assert iou(found['disc'].mask, expected['disc'].mask) >= least
    assert ahead.looks_ahead


def test_what_was_begun_before_its_turn_is_not_done_again() -> None:
    frames, masks = frames_of_a_moving_disc(6)
    tracked = tracker('bfloat16')
    tracked.prompt(frames[0], 'disc', MaskPrompt(masks[0]))
    for frame in frames[1:4]:
        tracked.step(tracked.look_ahead(frame))
    begun = tracked.look_ahead(frames[5])
    tracked.step(frames[4])
    with (
        patch.object(MatchingSam2s, 'encode_image') as encode,
        patch('sam2s_model.memory_read_out.read_everywhere') as everywhere,
        patch('sam2s_model.memory_read_out.read_nearby_sparsely') as nearby,
    ):
        assert iou(tracked.step(begun)['disc'].mask, masks[5]) > 0.7
    for done in (encode, everywhere, nearby):
        done.assert_not_called()


def test_the_shipped_size_is_sure_enough_of_its_masks_to_remember_them_for_long() -> None:
    video = generate(preset('surgery', frames=30, height=384, width=384, absence=0.0, late=0.0), seed=1_000_000)
    tracked = build_tracker('lite', device='cpu', memory=replace(LITE_MEMORY, candidate_interval=0.2))
    for t, rgb in enumerate(video.frames):
        tracked.step(Frame(rgb, t * 40_000_000))
        for k in range(1, len(video.names) + 1 if t == 0 else 0):
            tracked.prompt(Frame(rgb, 0), str(k), MaskPrompt(video.labels[0] == k))
    assert any(track.bank.long_term for track in tracked._tracks.values())


def test_an_untrained_decoder_leaves_the_read_out_as_it_is() -> None:
    torch.manual_seed(0)
    network = MatchingSam2s(image_size=SIDE).eval()
    frames, masks = frames_of_a_moving_disc(2)

    def second_mask() -> np.ndarray:
        tracked = Tracker(network, torch.device('cpu'))
        tracked.prompt(frames[0], 'disc', MaskPrompt(masks[0]))
        return tracked.step(frames[1])['disc'].mask

    before = second_mask()
    for head in network.mask_decoder.output_hypernetworks_mlps:
        head.layers[0].weight.data.normal_()
    assert np.array_equal(before, second_mask())


def test_an_image_size_that_does_not_tile_is_refused() -> None:
    with pytest.raises(ValueError, match='multiple of 64, got 100'):
        MatchingSam2s(image_size=100)


def test_prompted_frames_teach_how_an_object_looks_and_so_do_good_tracked_ones() -> None:
    frames, masks = frames_of_a_moving_disc(PATIENCE + 2)
    tracked = tracker()
    tracked.prompt(frames[0], 'disc', MaskPrompt(masks[0]))
    taught = []
    for number, frame in enumerate(frames[1:], 1):
        tracked.step(frame)
        slots = tracked._tracks['disc'].bank.recall(number + 1).frames
        newest = max(slots, key=lambda slot: slot.memory.index)
        taught.append(newest.memory.content.lesson is not None)
        assert all(slot.memory.content.lesson for slot in slots if slot.role is Role.CONDITIONING)
    assert taught == [False] * (PATIENCE - 1) + [True] * 2

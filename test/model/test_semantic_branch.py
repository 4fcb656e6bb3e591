"""The semantic branch only reads: masks are the same, bit for bit, with it and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sam2s_model import BoxPrompt, Frame, FrameResult, Label, MaskPrompt, PointPrompt, Tracker, matching_sam2s
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.sam2s import Sam2s
from sam2s_model.semantics import FrameView, InstrumentBank, MemoryView, SemanticBranch
from sam2s_model.sizes import HieraSize

CPU = torch.device('cpu')
SIDE = 64
NANO = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))
BOX = BoxPrompt((4, 6, 40, 50))
DISC = np.hypot(*(np.mgrid[:SIDE, :SIDE] - 30)) < 12
BANK = InstrumentBank(('hook', 'snare', 'clamp'), torch.eye(8)[:3], 'unit vectors', ('{}',))

Build = Callable[[int | None], Any]


def build_sam2s(semantic_dim: int | None) -> Sam2s:
    return Sam2s(NANO, SIDE, semantic_dim=semantic_dim)


def build_matching(semantic_dim: int | None) -> MatchingSam2s:
    return MatchingSam2s(SIDE, d_model=32, semantic_dim=semantic_dim)


def presence_head(network: Any) -> nn.Linear:
    decoder = network.sam_mask_decoder if isinstance(network, Sam2s) else network.mask_decoder
    last = decoder.pred_obj_score_head.layers[-1]
    assert isinstance(last, nn.Linear)
    return last


@pytest.fixture(params=[build_sam2s, build_matching], ids=['sam2s', 'matching'])
def build(request: pytest.FixtureRequest, draw_weights: Callable[[nn.Module, int], None]) -> Build:
    """Build either network with random weights that see objects everywhere, with or without the branch."""
    kind: Build = request.param

    def network(semantic_dim: int | None) -> Any:
        torch.manual_seed(0)
        whole = kind(BANK.dim)
        draw_weights(whole, 0)
        with torch.no_grad():
            presence_head(whole).weight.zero_()
            presence_head(whole).bias.fill_(5.0)
        if semantic_dim:
            return whole.eval()
        plain = kind(None)
        plain.load_state_dict({name: value for name, value in whole.state_dict().items() if not name.startswith('tsl')})
        return plain.eval()

    return network


def frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), t * 40_000_000) for t in range(count)]


def track(network: Any, instruments: InstrumentBank | None) -> tuple[Tracker, list[FrameResult]]:
    """Two objects by box and mask, a correction on the way, long enough for long-term memory."""
    memory = MemorySettings(min_iou=0.0, buffer_size=2, candidate_interval=0.0)
    tracker = Tracker(network, CPU, memory, instruments=instruments)
    video = frames(9)
    results = [tracker.prompt(video[0], 'a', BOX), tracker.prompt(video[0], 'b', MaskPrompt(DISC))]
    for index, frame in enumerate(video[1:]):
        results.append(tracker.step(frame))
        if index == 4:
            results.append(tracker.prompt(frame, 'a', PointPrompt(((20, 20),), (1,))))
    return tracker, results


def labels(results: Sequence[FrameResult], object_id: str) -> list[Label | None]:
    return [found.label for result in results for found in result.objects if found.object_id == object_id]


def test_masks_and_qualities_are_bit_identical_without_the_branch(build: Build) -> None:
    (_, with_branch), (_, without) = track(build(BANK.dim), BANK), track(build(None), BANK)
    for one, other in zip(with_branch, without, strict=True):
        for a, b in zip(one.objects, other.objects, strict=True):
            assert np.array_equal(a.mask, b.mask) and (a.score, a.presence) == (b.score, b.presence)


def test_memory_and_mask_logits_are_bit_identical_without_the_branch(build: Build) -> None:
    (one, _), (other, _) = track(build(BANK.dim), BANK), track(build(None), BANK)
    for object_id in 'ab':
        a, b = (tracker._tracks[object_id].bank.recall(9) for tracker in (one, other))
        for slot, twin in zip(a.frames, b.frames, strict=True):
            assert slot.memory.mask_logits is not None and twin.memory.mask_logits is not None
            assert torch.equal(slot.memory.mask_logits, twin.memory.mask_logits)
            assert all(map(torch.equal, slot.memory.content[:2], twin.memory.content[:2]))


def test_every_tracked_object_gets_a_label(build: Build) -> None:
    _, results = track(build(BANK.dim), BANK)
    for found in results[-1].objects:
        assert found.label is not None and found.label.name in (*BANK.names, '')
        assert 1 / len(BANK.names) <= found.label.probability <= 1
        assert 0 <= found.label.margin <= found.label.probability


def test_without_a_branch_there_are_no_labels(build: Build) -> None:
    _, results = track(build(None), BANK)
    assert labels(results, 'a') == [None] * len(labels(results, 'a'))


def test_the_label_of_an_absent_object_is_frozen_until_it_returns(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching_sam2s, 'CLASS_TURN', 1)
    network = build(BANK.dim)
    tracker = Tracker(network, CPU, instruments=BANK)
    video = frames(5)
    tracker.prompt(video[0], 'a', BOX)
    seen = tracker.step(video[1])['a'].label
    evidence = tracker._tracks['a'].evidence
    presence_head(network).bias.data.fill_(-5.0)
    absent = [tracker.step(frame)['a'] for frame in video[2:4]]
    assert not any(found.mask.any() for found in absent)
    assert [found.label for found in absent] == [seen] * 2
    assert tracker._tracks['a'].evidence is evidence
    presence_head(network).bias.data.fill_(5.0)
    tracker.step(video[4])
    assert tracker._tracks['a'].evidence is not evidence


def test_an_object_that_is_added_again_begins_without_its_old_label(build: Build) -> None:
    network = build(BANK.dim)
    tracker = Tracker(network, CPU, instruments=BANK)
    video = frames(3)
    tracker.prompt(video[0], 'a', BOX)
    tracker.step(video[1])
    tracker.remove('a')
    never_seen = Tracker(network, CPU, instruments=BANK)
    never_seen.prompt(video[0], 'b', BOX)  # streams are looked at as their first prompted frame teaches
    again, for_the_first_time = (t.prompt(video[2], 'a', BOX)['a'].label for t in (tracker, never_seen))
    assert again == for_the_first_time


def test_the_token_reads_memory_where_there_is_some(draw_weights: Callable[[nn.Module, int], None]) -> None:
    network = build_sam2s(BANK.dim).eval()
    draw_weights(network, 0)
    tracker = Tracker(network, CPU, instruments=BANK)
    video = frames(2)
    tracker.prompt(video[0], 'a', BOX)
    tracker.step(video[1])
    (recall,) = [tracker._tracks['a'].bank.recall(2)]
    with torch.no_grad():
        features = network.encode_image(torch.rand(1, 3, SIDE, SIDE), tracker._stream.calibration)
        before = network.track_frame(features, [recall], None)
        assert network.tsl is not None
        network.tsl.memory_reader.v_proj.bias.add_(1.0)
        after = network.track_frame(features, [recall], None)
    assert before.semantics is not None and after.semantics is not None
    assert not torch.equal(before.semantics, after.semantics)
    assert torch.equal(before.mask_logits, after.mask_logits)


def test_the_size_of_the_answer_is_that_of_the_bank() -> None:
    branch = SemanticBranch(d_model=16, memory_dim=4, dim=8)
    frame = FrameView(torch.randn(3, 16, 2, 5), torch.randn(1, 16, 2, 5), torch.randn(3, 16), torch.zeros(3, 1, 8, 20))
    memory = torch.randn(3, 7, 4)
    assert branch(None, frame).shape == branch(MemoryView(memory, memory), frame).shape == (3, 8)


def test_the_answer_depends_on_whose_mask_it_is() -> None:
    branch = SemanticBranch(d_model=16, memory_dim=4, dim=8)
    cells, position = torch.randn(1, 16, 2, 5).expand(2, -1, -1, -1), torch.randn(1, 16, 2, 5)
    one, other = branch(None, FrameView(cells, position, torch.randn(2, 16), torch.zeros(2, 1, 8, 20)))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(('where', 'matters'), [(slice(0, 4), True), (slice(4, 8), False)], ids=['inside', 'beside'])
def test_the_branch_looks_within_the_mask(where: slice, matters: bool) -> None:
    torch.manual_seed(0)
    branch = SemanticBranch(d_model=16, memory_dim=4, dim=8)
    mask = torch.full((1, 1, 8, 4), -20.0)
    mask[..., :4, :] = 20.0
    seen = FrameView(torch.randn(1, 16, 2, 1), torch.zeros(1, 16, 2, 1), torch.randn(1, 16), mask)
    changed = seen._replace(cells=seen.cells.clone())
    changed.cells[:, :, where.start // 4] += torch.randn(1, 16, 1)
    assert torch.allclose(branch(None, seen), branch(None, changed), atol=0.02) is not matters


@pytest.mark.parametrize('precision', [torch.bfloat16, torch.float16], ids=str)
def test_labels_come_in_half_precision_too(build: Build, precision: torch.dtype) -> None:
    network = build(BANK.dim)
    network.compute_in(precision)
    _, results = track(network, BANK)
    label = results[-1]['a'].label
    assert label is not None and 0 <= label.margin <= label.probability <= 1

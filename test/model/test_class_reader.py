"""Classes of `lite` are read in views: of each object alone, once in a while, and only where it can be seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sam2s_model import Frame, MaskPrompt, Tracker
from sam2s_model.class_reader import ClassReader
from sam2s_model.matching_sam2s import CLASS_TURN, MASK_PROMPT_LOGIT, MatchingSam2s
from sam2s_model.network import MaskOutput
from sam2s_model.prompt_view import choose_mask_views
from sam2s_model.semantics import InstrumentBank

SIDE = 256
BANK = InstrumentBank(('hook', 'snare', 'clamp'), torch.eye(8)[:3], 'unit vectors', ('{}',))


def logits_of(*boxes: tuple[int, int, int, int]) -> Tensor:
    """Masks of objects that fill boxes x0, y0, x1, y1 in pixels."""
    logits = torch.full((len(boxes), 1, SIDE // 4, SIDE // 4), -MASK_PROMPT_LOGIT)
    for mask, (x0, y0, x1, y1) in zip(logits, boxes, strict=True):
        mask[0, y0 // 4 : y1 // 4, x0 // 4 : x1 // 4] = MASK_PROMPT_LOGIT
    return logits


def as_output(logits: Tensor) -> MaskOutput:
    there = torch.ones(len(logits))
    return MaskOutput(logits, there, there, None, None)


@pytest.fixture
def network(draw_weights: Callable[[nn.Module, int], None]) -> MatchingSam2s:
    """A network with random weights."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32, semantic_dim=BANK.dim)
    draw_weights(network, 0)
    return network.eval()


def read(network: MatchingSam2s, image: Tensor, logits: Tensor) -> Tensor:
    with torch.no_grad():
        semantics = network._classify(image, as_output(logits), range(len(logits))).semantics
    assert semantics is not None
    return semantics


def test_what_is_far_from_an_object_does_not_change_its_class(network: MatchingSam2s) -> None:
    logits = logits_of((8, 8, 72, 72))
    image = torch.rand(1, 3, SIDE, SIDE)
    other = image.clone()
    other[..., 128:, 128:] = 0
    assert torch.equal(read(network, image, logits), read(network, other, logits))
    other[..., 8:72, 8:72] = 0
    assert not torch.allclose(read(network, image, logits), read(network, other, logits))


def test_a_class_does_not_depend_on_who_else_is_asked_about(network: MatchingSam2s) -> None:
    logits, image = logits_of((8, 8, 72, 72), (60, 100, 200, 180)), torch.rand(1, 3, SIDE, SIDE)
    together = read(network, image, logits)
    for n in range(2):
        torch.testing.assert_close(together[[n]], read(network, image, logits[[n]]), atol=1e-4, rtol=1e-4)


def test_what_cannot_be_seen_is_not_looked_at(network: MatchingSam2s) -> None:
    semantics = read(network, torch.rand(1, 3, SIDE, SIDE), logits_of((0, 0, 0, 0), (8, 8, 72, 72)))
    assert not semantics[0].any() and semantics[1].any()


def test_a_view_shows_the_whole_object_and_stays_within_the_frame() -> None:
    views = choose_mask_views(logits_of((200, 4, 256, 180), (0, 0, SIDE, SIDE)) > 0, SIDE)
    assert views[0].x <= 200 and views[0].x + views[0].side == SIDE
    assert views[0].y <= 4 and views[0].y + views[0].side >= 180
    assert views[1] == (0, 0, SIDE)


def test_each_object_is_read_when_it_is_prompted_and_then_in_turns() -> None:
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32, semantic_dim=BANK.dim).eval()  # untrained, it takes what matches
    tracker = Tracker(network, torch.device('cpu'), instruments=BANK)
    rgb = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((2, SIDE, SIDE), np.bool_)
    masks[0, 20:120, 20:120] = masks[1, 100:240, 80:200] = True
    for name, mask in zip('ab', masks, strict=True):
        tracker.prompt(Frame(rgb, 0), name, MaskPrompt(mask))
    evidence = {name: [tracker._tracks[name].evidence] for name in 'ab'}
    for index in range(1, 2 * CLASS_TURN + 1):
        found = tracker.step(Frame(rgb, index * 40_000_000))
        for name in 'ab':
            assert found[name].mask.any()
            evidence[name].append(tracker._tracks[name].evidence)
    assert None not in (evidence['a'][0], evidence['b'][0])
    news = {name: [t for t in range(1, len(seen)) if seen[t] is not seen[t - 1]] for name, seen in evidence.items()}
    assert news == {'a': [CLASS_TURN, 2 * CLASS_TURN], 'b': [CLASS_TURN - 1, 2 * CLASS_TURN - 1]}


def test_in_training_masks_are_worn_and_every_object_is_read() -> None:
    torch.manual_seed(0)
    reader = ClassReader((4, 4, 4), dim=8, width=8)
    maps = [torch.randn(2, 4, side, side) for side in (16, 8, 4)]
    masks = torch.zeros(2, 1, 32, 32)
    masks[:, :, 8:20, 8:20] = 1
    with torch.no_grad():
        answers = torch.stack([reader.train()(maps, masks) for _ in range(12)])
        still = torch.stack([reader.eval()(maps, masks) for _ in range(2)])
    assert len(answers.flatten(1).unique(dim=0)) > 1 and torch.equal(still[0], still[1])

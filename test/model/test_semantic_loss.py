"""The semantic loss teaches the branch and what it reads, and leaves the text vectors and all tissue alone."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.semantics import FrameView, InstrumentBank, MemoryView, SemanticBranch
from sam2s_model.training.semantic_loss import NO_CLASS, OTHER, class_targets, semantic_loss

EVERYBODY = torch.ones(2)


def bank_of(*names: str, dim: int = 8) -> InstrumentBank:
    return InstrumentBank(names, torch.eye(dim)[: len(names)], 'unit vectors', ('{}',))


HOOK_AND_SNARE = bank_of('hook', 'snare')


def test_classes_are_found_by_name_however_their_words_are_joined() -> None:
    bank = bank_of('hook', 'needle driver')
    assert class_targets(['needle driver', 'needle_driver', 'hook', 'liver', ''], bank).tolist() == [
        1,
        1,
        0,
        OTHER,
        NO_CLASS,
    ]


def test_it_is_the_cross_entropy_of_cosines_times_100() -> None:
    semantics = torch.tensor([[3.0, 2.9, 0, 0, 0, 0, 0, 0]])
    cosines = semantics[0, :2] / semantics.norm()
    expected = math.log(sum(math.exp(100 * float(c - cosines[1])) for c in cosines))
    loss = semantic_loss(semantics, torch.tensor([1]), torch.ones(1), HOOK_AND_SNARE)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ('targets', 'present'),
    [([0, NO_CLASS], [1, 1]), ([0, OTHER], [1, 1]), ([0, 1], [1, 0])],
    ids=['no name', 'tissue', 'absent'],
)
def test_objects_without_a_class_and_absent_ones_do_not_count(targets: list[int], present: list[int]) -> None:
    semantics = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    both = semantic_loss(semantics, torch.tensor(targets), torch.tensor(present), HOOK_AND_SNARE)
    alone = semantic_loss(semantics[:1], torch.tensor([0]), torch.ones(1), HOOK_AND_SNARE)
    assert torch.equal(both, alone)


def test_tissue_shall_look_like_all_classes_alike_where_that_is_asked_for() -> None:
    sure = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0, 0]])
    unsure = torch.tensor([[1.0, 1, 0, 0, 0, 0, 0, 0]])
    tissue, there = torch.tensor([OTHER]), torch.ones(1)
    assert float(semantic_loss(unsure, tissue, there, HOOK_AND_SNARE, 0.5)) == pytest.approx(0.5 * math.log(2))
    assert semantic_loss(sure, tissue, there, HOOK_AND_SNARE, 0.5) > 10
    assert not semantic_loss(sure, tissue, there, HOOK_AND_SNARE)


def test_without_any_instrument_it_is_zero_and_can_still_be_minimised() -> None:
    semantics = torch.randn(2, 8, requires_grad=True)
    loss = semantic_loss(semantics, torch.tensor([NO_CLASS] * 2), EVERYBODY, HOOK_AND_SNARE)
    loss.backward()
    assert loss.item() == 0
    assert semantics.grad is not None and not semantics.grad.any()


def views(requires_grad: bool) -> tuple[MemoryView, FrameView]:
    """Memory and frame of two objects: 5 tokens of 4 channels, 3 × 3 cells of 8."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).requires_grad_(requires_grad)

    memory = draw(2, 5, 4)
    return MemoryView(memory, memory), FrameView(draw(2, 8, 3, 3), draw(1, 8, 3, 3), draw(2, 8), draw(2, 1, 12, 12))


def test_gradients_reach_all_of_the_branch_and_all_that_it_reads_but_neither_text_nor_mask() -> None:
    branch = SemanticBranch(8, 4, 8)
    memory, frame = views(requires_grad=True)
    semantic_loss(branch(memory, frame), torch.tensor([0, 1]), EVERYBODY, HOOK_AND_SNARE).backward()
    read = (memory.values, frame.cells, frame.mask_token)
    learnt = dict(branch.named_parameters())
    # A constant added to all keys changes no softmax.
    idle = {'memory_reader.k_proj.bias', 'frame_reader.k_proj.bias'}
    assert all(tensor.grad is not None and tensor.grad.any() for tensor in read)
    assert all(learnt[name].grad is not None and learnt[name].grad.any() for name in learnt.keys() - idle)
    assert HOOK_AND_SNARE.embeddings.grad is None
    assert frame.mask_logits.grad is None


def test_a_branch_learns_two_classes() -> None:
    torch.manual_seed(0)
    branch = SemanticBranch(8, 4, 8)
    optimizer = torch.optim.Adam(branch.parameters(), lr=3e-3)
    memory, frame = views(requires_grad=False)
    targets = torch.tensor([1, 0])
    for _ in range(30):
        optimizer.zero_grad()
        semantic_loss(branch(memory, frame), targets, EVERYBODY, HOOK_AND_SNARE).backward()
        optimizer.step()
    nearest = F.normalize(branch(memory, frame), dim=1) @ HOOK_AND_SNARE.embeddings.T
    assert torch.equal(nearest.argmax(1), targets)

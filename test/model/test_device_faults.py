"""What torch says in many ways of memory and of a lost GPU has two names; the tracker gets over the first."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from faulty_network import OUT_OF_MEMORY, FaultyNetwork
from noting_network import BOX, frame
from torch import Tensor

from sam2s_model import DeviceLost, NotFinite, OutOfMemory, Tracker
from sam2s_model.device_faults import named_device_faults

LOST = RuntimeError('CUDA error: an illegal memory access was encountered')


def tracker_of(network: FaultyNetwork, objects: str = 'abc') -> Tracker:
    tracker = Tracker(network, torch.device('cpu'))
    for object_id in objects:
        tracker.prompt(frame(0), object_id, BOX)
    return tracker


@pytest.mark.parametrize(
    ('error', 'name'),
    [
        (OUT_OF_MEMORY, OutOfMemory),
        (RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'), OutOfMemory),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (LOST, DeviceLost),
        (RuntimeError('shapes cannot be multiplied'), RuntimeError),
        (ValueError('CUDA error'), ValueError),
    ],
)
def test_faults_of_a_device_have_two_names(error: Exception, name: type[Exception]) -> None:
    with pytest.raises(name) as raised, named_device_faults():
        raise error
    assert type(raised.value) is name


def test_what_ran_out_of_memory_is_not_held_by_its_exception() -> None:
    class Tensors:
        pass

    held: list[weakref.ref[Tensors]] = []

    @named_device_faults()
    def fill() -> None:
        tensors = Tensors()
        held.append(weakref.ref(tensors))
        raise torch.OutOfMemoryError('CUDA out of memory')

    with pytest.raises(OutOfMemory):
        fill()
    gc.collect()
    assert held[0]() is None


def test_objects_are_tracked_one_by_one_where_memory_does_not_suffice_for_all() -> None:
    network = FaultyNetwork()
    tracker = tracker_of(network)
    network.room = 1
    assert [seen.object_id for seen in tracker.step(frame(1)).objects] == ['a', 'b', 'c']
    network.room = 9
    tracker.step(frame(2))
    assert len(network.asked[-1].recalls) == 3  # they still remember alike


def test_memory_that_does_not_suffice_for_one_is_told() -> None:
    network = FaultyNetwork()
    tracker = tracker_of(network)
    network.room = 0
    with pytest.raises(OutOfMemory, match=r'OutOfMemoryError: CUDA out of memory\. Tried'):
        tracker.step(frame(1))
    network.room = 9
    assert len(tracker.step(frame(2)).objects) == 3


@pytest.mark.parametrize('spoiled', ['mask_logits', 'iou', 'object_score'])
def test_what_is_no_number_is_shown_and_not_remembered(spoiled: str) -> None:
    network = FaultyNetwork()
    tracker = tracker_of(network, 'a')
    tracker.step(frame(1))
    network.spoiled = spoiled
    (seen,) = tracker.step(frame(2)).objects
    assert not torch.tensor([seen.score, seen.presence]).isfinite().all()
    network.spoiled = None
    tracker.step(frame(3))
    (recall,) = network.asked[-1].recalls
    assert [slot.memory.content for slot in recall.frames] == ['prompted 0', 'tracked 1']


def test_a_prompt_that_is_answered_without_numbers_changes_nothing() -> None:
    network = FaultyNetwork(spoiled='iou')
    tracker = Tracker(network, torch.device('cpu'))
    with pytest.raises(NotFinite, match="no numbers for the prompt of 'a'"):
        tracker.prompt(frame(0), 'a', BOX)
    assert tracker.object_ids == ()


def test_weights_that_are_no_numbers_are_refused() -> None:
    from sam2s_model.build import build_network
    from sam2s_model.checkpoint import CheckpointMismatch, load_weights

    network = build_network('tiny', 64)
    weights: dict[str, Tensor] = {name: value.clone() for name, value in network.state_dict().items()}
    weights['no_mem_embed'][:] = torch.inf
    with pytest.raises(CheckpointMismatch, match=r'odd\.pt: expected numbers, came NaN or infinity in 1: no_mem_embed'):
        load_weights(network, weights, 'odd.pt')

"""Sam2s: SAM 2.1 where there is no long-term memory, and what SAM2S adds where there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.memory_tokens import EncodedMemory
from sam2s_model.network import NO_OBJECT_LOGIT, FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import Widths
from sam2s_model.switches import Switches

SIDE = 64
Build = Callable[..., Sam2s]


@pytest.fixture(autouse=True)
def inference() -> object:
    with torch.inference_mode():
        yield


@pytest.fixture
def network(nano: Build) -> Sam2s:
    return nano(SIDE)


def encode(network: Sam2s, seed: int = 0) -> FrameFeatures:
    return network.encode_image(torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)), None)


def click(count: int = 1) -> PromptBatch:
    return PromptBatch(torch.full((count, 1, 2), SIDE / 2), torch.ones(count, 1, dtype=torch.int64))


def slot(network: Sam2s, role: Role, distance: int, rank: int) -> Slot[EncodedMemory]:
    features = encode(network, seed=distance)
    output = network.track_frame(features, [Recall()], click())
    (content,) = network.encode_memory(features, [Recall()], output, prompted=False)
    return Slot(role, distance, FrameMemory(0, 0, 1.0, True, features.embedding, content), rank)


def recall_of(network: Sam2s, *roles: Role) -> Recall[EncodedMemory]:
    """One remembered frame of each role; the first one lends its pointer."""
    slots = tuple(slot(network, role, distance, 1) for distance, role in enumerate(roles, start=1))
    return Recall(slots, slots[:1])


def logits(network: Sam2s, recall: Recall[EncodedMemory]) -> Tensor:
    return network.track_frame(encode(network), [recall], None).mask_logits


def test_without_long_term_memory_its_weights_play_no_part(network: Sam2s) -> None:
    recall = recall_of(network, Role.CONDITIONING, Role.SHORT_TERM)
    before = logits(network, recall)
    network.divemem.long_tpos.fill_(torch.nan)
    assert torch.equal(logits(network, recall), before)


def test_a_narrow_network_tracks_from_memory_and_pointers(nano: Build) -> None:
    narrow = nano(SIDE, widths=Widths(32, 16, memory_ffn=64, decoder_heads=4, decoder_ffn=64, iou_hidden=32))
    remembered = recall_of(narrow, Role.CONDITIONING, Role.SHORT_TERM)
    without_pointer = Recall(remembered.frames, ())
    assert logits(narrow, remembered).shape == (1, 1, SIDE // 4, SIDE // 4)
    assert not torch.allclose(logits(narrow, remembered), logits(narrow, without_pointer))


def test_pooled_memory_reads_the_mean_of_neighbouring_cells_of_tracked_frames(nano: Build) -> None:
    exact, pooled = (nano(SIDE, Switches(pooled_memory=chosen, bfloat16_memory=False)) for chosen in (False, True))
    pooled.load_state_dict(exact.state_dict())
    recall = recall_of(exact, Role.CONDITIONING, Role.SHORT_TERM)
    prompted, tracked = recall.frames
    even = Recall((prompted, _smoothed(tracked)), recall.pointers)
    assert not torch.allclose(logits(pooled, recall), logits(exact, recall))
    torch.testing.assert_close(logits(pooled, recall), logits(pooled, even))
    blurred = Recall((_smoothed(prompted), tracked), recall.pointers)
    assert not torch.allclose(logits(pooled, recall), logits(pooled, blurred))


def _smoothed(slot: Slot[EncodedMemory]) -> Slot[EncodedMemory]:
    """The same memory with each 2×2 cells replaced by their mean."""
    content = slot.memory.content
    mean = F.avg_pool2d(content.features, 2).repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    return replace(slot, memory=replace(slot.memory, content=content._replace(features=mean)))


def test_long_term_memory_has_its_own_temporal_embedding(network: Sam2s) -> None:
    recall = recall_of(network, Role.CONDITIONING, Role.LONG_TERM)
    before = logits(network, recall)
    network.divemem.long_tpos.add_(1.0)
    assert not torch.allclose(logits(network, recall), before)


def test_with_the_conditioning_embedding_a_long_term_frame_is_seen_as_a_prompted_one(network: Sam2s) -> None:
    network.divemem.long_tpos.copy_(network.maskmem_tpos_enc[6:])
    long = recall_of(network, Role.CONDITIONING, Role.LONG_TERM)
    prompted = replace(long, frames=(long.frames[0], replace(long.frames[1], role=Role.CONDITIONING)))
    assert torch.equal(logits(network, long), logits(network, prompted))


@pytest.mark.parametrize(('rank', 'row'), [(0, 0), (1, 1), (3, 1)])
def test_long_term_frames_may_have_an_embedding_each(nano: Build, rank: int, row: int) -> None:
    network = nano(SIDE, Switches(long_embeddings=2))
    conditioning = recall_of(network, Role.CONDITIONING)
    recall = replace(conditioning, frames=(*conditioning.frames, slot(network, Role.LONG_TERM, 9, rank)))
    before = logits(network, recall)
    network.divemem.long_tpos[1 - row] += 1.0
    assert torch.equal(logits(network, recall), before)
    network.divemem.long_tpos[row] += 1.0
    assert not torch.allclose(logits(network, recall), before)


def test_objects_in_a_batch_are_tracked_as_alone(network: Sam2s) -> None:
    recalls = [recall_of(network, Role.CONDITIONING, Role.SHORT_TERM) for _ in range(2)]
    changed = replace(recalls[1].frames[0].memory, content=recalls[1].frames[1].memory.content)
    recalls[1] = replace(recalls[1], frames=(replace(recalls[1].frames[0], memory=changed), recalls[1].frames[1]))
    together = network.track_frame(encode(network), recalls, None).mask_logits
    alone = torch.cat([logits(network, recall) for recall in recalls])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    assert not torch.allclose(alone[0], alone[1], atol=1e-2)


@pytest.mark.parametrize('embedding', ['map', 'pooled', 'cells'])
def test_frames_are_compared_by(nano: Build, embedding: str) -> None:
    network = nano(SIDE, Switches(embedding=embedding))  # type: ignore[arg-type]
    a, b = encode(network, 1), encode(network, 2)
    cosine = torch.nn.functional.cosine_similarity
    expected = {
        'map': cosine(a.stride16.flatten(), b.stride16.flatten(), 0),
        'pooled': cosine(a.stride16.mean((2, 3)), b.stride16.mean((2, 3)), 1)[0],
        'cells': cosine(a.stride16, b.stride16, 1).mean(),
    }[embedding]
    torch.testing.assert_close(cosine(a.embedding, b.embedding, 0), expected)


def remembered(network: Sam2s, output: MaskOutput, prompted: bool = False) -> EncodedMemory:
    (content,) = network.encode_memory(encode(network), [Recall()], output, prompted)
    return content


def decoded(network: Sam2s) -> MaskOutput:
    return network.track_frame(encode(network), [Recall()], click())


def test_memory_is_kept_in_bfloat16_unless_it_is_trained(nano: Build, network: Sam2s) -> None:
    assert remembered(network, decoded(network)).features.dtype == torch.bfloat16
    exact = nano(SIDE, Switches(bfloat16_memory=False))
    assert remembered(exact, decoded(exact)).features.dtype == torch.float32
    network.train()
    assert remembered(network, decoded(network)).features.dtype == torch.float32


def test_only_prompted_masks_are_remembered_sharp(nano: Build) -> None:
    network = nano(SIDE, Switches(binarize_prompted=True))
    output = decoded(network)
    sharp = output._replace(mask_logits=(output.mask_logits > 0) * 2e3 - 1e3)
    assert not torch.equal(remembered(network, output).features, remembered(network, sharp).features)
    louder = output._replace(mask_logits=output.mask_logits * 3)
    assert torch.equal(remembered(network, output, True).features, remembered(network, louder, True).features)


def test_an_absent_object_has_no_mask_and_the_pointer_for_absence(network: Sam2s) -> None:
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(-5.0)
    output = decoded(network)
    assert (output.mask_logits == NO_OBJECT_LOGIT).all()
    assert torch.equal(output.pointer, network.no_obj_ptr)


def test_absence_marks_every_cell_of_the_memory(nano: Build) -> None:
    network = nano(SIDE, Switches(bfloat16_memory=False))
    output = decoded(network)
    absent = output._replace(object_score=-output.object_score)
    marked = remembered(network, absent).features - remembered(network, output).features
    torch.testing.assert_close(marked, network.no_obj_embed_spatial[0][:, None, None].expand_as(marked))


def test_a_mask_prompt_is_its_own_result(network: Sam2s) -> None:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 16:40, 8:48] = 1
    batch = PromptBatch(torch.zeros(1, 0, 2), torch.zeros(1, 0), mask=mask)
    output = network.track_frame(encode(network), [Recall()], batch)
    assert torch.equal(output.mask_logits > 0, mask[..., ::4, ::4] > 0)
    assert output.iou.tolist() == [1.0]


def test_an_image_size_that_does_not_tile_is_refused(nano: Build) -> None:
    with pytest.raises(ValueError, match='multiple of 32, got 100'):
        nano(100)

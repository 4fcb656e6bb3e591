from __future__ import annotations

import torch

from sam2s_model.mask_decoder import HighResFeatures
from sam2s_model.refiner import Refiner


def test_an_untrained_refiner_adds_nothing_at_stride_4() -> None:
    high_res = HighResFeatures(torch.randn(1, 8, 6, 6), torch.randn(1, 4, 12, 12))
    correction = Refiner(fine=8, finest=4, clues=3)(torch.randn(2, 3, 6, 6), torch.randn(2, 1, 12, 12), high_res)
    assert torch.equal(correction, torch.zeros(2, 1, 12, 12))


def test_each_object_is_refined_by_its_own_clues() -> None:
    torch.manual_seed(0)
    refiner = Refiner(fine=8, finest=4, clues=3)
    torch.nn.init.normal_(refiner.leave.weight)
    high_res = HighResFeatures(torch.randn(1, 8, 6, 6), torch.randn(1, 4, 12, 12))
    clues, logits = torch.randn(2, 3, 6, 6), torch.randn(2, 1, 12, 12)
    together, alone = refiner(clues, logits, high_res), refiner(clues[1:], logits[1:], high_res)
    torch.testing.assert_close(together[1:], alone)
    assert not torch.allclose(together[0], together[1])

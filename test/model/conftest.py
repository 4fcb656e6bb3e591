"""What several tests of the model need: small networks, and the reference implementation with weights of our making."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import parity_parts
import pytest
import torch
from torch import nn

from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import PUBLISHED_WIDTHS, HieraSize, Widths
from sam2s_model.switches import Switches

CONFIGS = {'tiny': 't', 'small': 's', 'base_plus': 'b+', 'large': 'l'}
NANO = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))


def see_objects_everywhere(model: Any) -> None:
    """Let the object score of a random network, ours or theirs, be that of a present object."""
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)


@pytest.fixture(scope='session')
def draw_weights() -> Callable[[nn.Module, int], None]:
    """Draw all weights anew, so that no zero, no tiny scale and no untouched embedding hides a difference."""

    def draw(model: nn.Module, seed: int = 0) -> None:
        torch.manual_seed(seed)
        with torch.no_grad():
            for module in model.modules():
                for name, weight in module.named_parameters(recurse=False):
                    if name == 'weight' and isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                        weight.normal_(0, 1 / math.sqrt(weight[0].numel()))
                    else:
                        weight.add_(torch.randn_like(weight), alpha=0.3)

    return draw


@pytest.fixture(scope='session')
def build_reference(draw_weights: Callable[[nn.Module, int], None]) -> Callable[..., Any]:
    """Build the reference video predictor with random weights: (size, side, overrides..., release='2.1')."""
    build = pytest.importorskip('sam2.build_sam')

    def reference(size: str, side: int, *overrides: str, release: str = '2.1') -> Any:
        folder = {'2.1': 'sam2.1/sam2.1', '2.0': 'sam2/sam2'}[release]
        torch.manual_seed(0)  # embeddings and biases keep part of what the reference itself has drawn
        model = build.build_sam2_video_predictor(
            f'configs/{folder}_hiera_{CONFIGS[size]}.yaml',
            None,
            device='cpu',
            apply_postprocessing=False,
            hydra_overrides_extra=[f'++model.image_size={side}', *overrides],
        )
        draw_weights(model)
        see_objects_everywhere(model)
        return model

    return reference


@pytest.fixture(
    scope='module',
    params=[256, *(pytest.param(side, marks=pytest.mark.parity_table) for side in (512, 1024))],
    ids='{}px'.format,
)
def reference(request: pytest.FixtureRequest, build_reference: Callable[..., Any]) -> Any:
    """The reference in size tiny, at three input sizes."""
    return build_reference('tiny', request.param)


@pytest.fixture
def compared_parts(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Record what the test has compared as a row of the parity table."""
    parity_parts.begin()
    with torch.inference_mode():
        yield
    row = parity_parts.row_of(request.node)
    if row is not None:
        record_property('parity', row)


@pytest.fixture
def nano(draw_weights: Callable[[nn.Module, int], None]) -> Callable[..., Sam2s]:
    """Build a Sam2s with a trunk of a few channels and random weights that see objects everywhere."""

    def build(image_size: int = 64, switches: Switches | None = None, widths: Widths = PUBLISHED_WIDTHS) -> Sam2s:
        network = Sam2s(NANO, image_size, switches, widths)
        draw_weights(network)
        see_objects_everywhere(network)
        return network.eval()

    return build

"""What several tests of the model need: small networks, and the reference implementation with weights of our making."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import pytest
import torch
from torch import nn

from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import PUBLISHED_WIDTHS, HieraSize, Widths
from sam2s_model.switches import Switches

CONFIGS = {'tiny': 't', 'small': 's', 'base_plus': 'b+', 'large': 'l'}
NANO = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the differences to the reference that tests have recorded, as a table for the README."""
    reports = [report for report in terminalreporter.getreports('') if report.when == 'teardown']
    rows = [
        (r.nodeid.split('::')[-1], *value) for r in reports for name, value in r.user_properties if name == 'parity'
    ]
    if not rows:
        return
    today = datetime.now(timezone.utc).date()
    terminalreporter.section(f'sam2 {version("sam2")}, torch {version("torch")}, {today}')
    for row in (('test', 'compared', 'least IoU', 'largest difference', 'bound'), ('---',) * 5, *rows):
        terminalreporter.write_line(f'| {" | ".join(row)} |')


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
        model = build.build_sam2_video_predictor(
            f'configs/{folder}_hiera_{CONFIGS[size]}.yaml',
            None,
            device='cpu',
            apply_postprocessing=False,
            hydra_overrides_extra=[f'++model.image_size={side}', *overrides],
        )
        draw_weights(model)
        return model

    return reference


@pytest.fixture
def nano(draw_weights: Callable[[nn.Module, int], None]) -> Callable[..., Sam2s]:
    """Build a Sam2s with a trunk of a few channels and random weights that see objects everywhere."""

    def build(image_size: int = 64, switches: Switches | None = None, widths: Widths = PUBLISHED_WIDTHS) -> Sam2s:
        network = Sam2s(NANO, image_size, switches, widths)
        draw_weights(network)
        with torch.no_grad():
            network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
        return network.eval()

    return build

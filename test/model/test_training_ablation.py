"""The ablation: every row with every seed, nothing twice, and a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sam2s_model.training import ablation
from sam2s_model.training.ablation import draw_table, run_ablation
from sam2s_model.training.config import TrainingConfig

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / 'config' / 'ablation.yaml'


def figures(jf: float | None, named: float | None = None) -> dict[str, Any]:
    return {
        'sets': {'phantom-long': {'jf': jf}},
        'mean': {'reacquisition_long': {'rate_within_2_s': None}, 'labels': {'object_accuracy': named}},
    }


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainingConfig]:
    """Replace training and evaluation; what would have been trained is collected."""
    configs: list[TrainingConfig] = []

    def train(config: TrainingConfig) -> Path:
        configs.append(config)
        Path(config.output).mkdir(parents=True)
        return Path(config.output) / 'lite.safetensors'

    def evaluate(arguments: list[str]) -> int:
        Path(arguments[arguments.index('--json') + 1]).write_text(json.dumps(figures(0.5)))
        return 0

    monkeypatch.setattr(ablation, 'train', train)
    monkeypatch.setattr(ablation, 'evaluate', evaluate)
    return configs


def test_every_row_is_trained_with_every_seed_and_the_same_budget(
    trained: list[TrainingConfig], tmp_path: Path
) -> None:
    run_ablation(SHIPPED, [f'output={tmp_path}'], ['steps=7'])
    assert len({config.output for config in trained}) == 10
    assert [config.seed for config in trained] == [0] * 5 + [1] * 5
    assert {(config.steps, config.clips_per_step, config.sides) for config in trained} == {(7, 2, (192,))}


def test_the_rows_add_what_they_are_called_after(trained: list[TrainingConfig], tmp_path: Path) -> None:
    run_ablation(SHIPPED, [f'output={tmp_path}', 'seeds=[0]'])
    assert [(c.sampling.divemem, c.loss.semantic_weight, c.loss.ambiguity) for c in trained] == [
        (0.0, 0.0, False), (0.5, 0.0, False), (0.0, 0.1, False), (0.5, 0.1, False), (0.5, 0.1, True),
    ]  # fmt: skip


def test_what_is_done_is_not_done_again(trained: list[TrainingConfig], tmp_path: Path) -> None:
    first = run_ablation(SHIPPED, [f'output={tmp_path}', 'seeds=[0]'])
    again = run_ablation(SHIPPED, [f'output={tmp_path}', 'seeds=[0]'])
    assert len(trained) == 5 and first == again
    assert (tmp_path / 'table.md').read_text() == first


def test_the_table_shows_means_and_spreads_and_what_was_not_measured() -> None:
    table = draw_table({'vanilla': [figures(0.70), figures(0.74)], '+ TSL': [figures(0.8, named=0.5)]})
    assert table.splitlines()[2:] == [
        '| vanilla | 72.0 ± 2.8 | – | – | 2 |',
        '| + TSL | 80.0 | – | 50.0 | 1 |',
    ]


def test_a_failed_evaluation_stops_the_comparison(
    trained: list[TrainingConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, 'evaluate', lambda arguments: 1)
    with pytest.raises(ValueError, match='expected figures, but the evaluation has failed'):
        run_ablation(SHIPPED, [f'output={tmp_path}'])


def test_an_unknown_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'variants\.vanilla\.memory: expected one of'):
        run_ablation(SHIPPED, ['variants.vanilla.memory=cutie'])

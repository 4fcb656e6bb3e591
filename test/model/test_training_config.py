"""Settings of a run: what is read, what can be overridden, and what a mistake is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2s_model.build import LITE_MEMORY, build_network
from sam2s_model.training.config import TrainingConfig, read_config

CONFIGS = Path(__file__).resolve().parents[2] / 'config'


def read(folder: Path, text: str, *overrides: str) -> TrainingConfig:
    path = folder / 'run.yaml'
    path.write_text(text)
    return read_config(path, overrides)


def test_the_recipe_of_the_paper_is_read_as_it_is_written() -> None:
    config = read_config(CONFIGS / 'train_sam2s.yaml')
    assert (config.learning_rate, config.sides, config.frames) == (1e-5, (512,), (8, 8))
    assert config.sampling.divemem == 0.5 and config.sampling.divemem_frames == 8
    assert (config.loss.focal_weight, config.loss.semantic_weight, config.loss.ambiguity) == (20, 0.1, True)
    assert config.prompts.kinds == (0.5, 0.25, 0.25) and config.prompts.clicks == 7


def test_long_training_weighs_all_cells_alike_and_remembers_as_the_tracker_does() -> None:
    config = read_config(CONFIGS / 'train_long.yaml')
    assert (config.loss.alpha, config.loss.focal, config.loss.judge_absent) == (0.5, 'quality', True)
    assert (config.memory.short_ages, config.memory.min_iou) == (LITE_MEMORY.short_ages, LITE_MEMORY.min_iou)
    assert {'trunk', 'prompt_reader', 'tsl'} < set(config.network.frozen)


def test_each_part_of_the_shipped_network_has_a_training_of_its_own() -> None:
    network = build_network('lite', semantic_dim=8)
    parts = {name for name, part in network.named_children() if next(part.parameters(), None) is not None}
    learns = {'prompts': 'prompt_reader', 'masks': 'mask_reader', 'searches': 'seeker', 'classes': 'tsl'}
    for name, part in learns.items():
        assert parts - set(read_config(CONFIGS / f'train_{name}.yaml').network.frozen) == {part}, name


def test_the_shipped_networks_file_leaves_all_else_as_it_was_trained() -> None:
    config = read_config(CONFIGS / 'train_lite.yaml')
    assert config.network.size == 'lite' and not config.data
    assert config.prompts.corrected == (0, 0) and config.memory.true_masks == 0.3
    assert config.loss.stride == 4 and not config.loss.ambiguity


def test_settings_can_be_changed_on_the_command_line(tmp_path: Path) -> None:
    config = read(tmp_path, 'output: x\nsteps: 3\n', 'seed=7', 'loss.ambiguity=true', 'sides=[64, 96]')
    assert (config.seed, config.loss.ambiguity, config.sides) == (7, True, (64, 96))


def test_numbers_may_be_written_without_a_point(tmp_path: Path) -> None:
    assert read(tmp_path, 'output: x\nsteps: 3\nlearning_rate: 1e-5\n').learning_rate == 1e-5


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('steps: 3', 'output: expected a value, came nothing'),
        ('lerning_rate: 1', 'lerning_rate: expected one of the keys .*learning_rate.*, came an unknown one'),
        ('loss: {ambigous: true}', 'loss.ambigous: expected one of the keys .*ambiguity'),
        ('steps: many', "steps: expected a whole number, came 'many'"),
        ('steps: 0', 'steps: expected at least 1, came 0'),
        ('steps: true', 'steps: expected a whole number, came True'),
        ('frames: [2, 3, 4]', r'frames: expected 2 values \(a whole number, a whole number\), came \[2, 3, 4\]'),
        ('sides: [100]', r'sides: expected multiples of 32, came \(100,\)'),
        ('loss: {focal: soft}', r"loss.focal: expected one of \['sam', 'quality'\], came 'soft'"),
        ('loss: {stride: 3}', 'loss.stride: expected 1, 2 or 4, came 3'),
        ('sampling: {divemem: 2}', r'sampling.divemem: expected a share in \[0, 1\], came 2'),
        ('prompts: 3', 'prompts: expected keys with values, came 3'),
        ('data: {polyps: {share: 0}}', 'data.polyps.share: expected a positive number, came 0'),
        ('loss: {semantic_weight: 0.1}', 'loss.semantic_weight: expected together with network.instruments'),
    ],
)
def test_a_mistake_is_answered_with_its_key_what_was_expected_and_what_came(
    text: str, message: str, tmp_path: Path
) -> None:
    required = '' if text == 'steps: 3' else 'output: x\n' + ('' if text.startswith('steps') else 'steps: 3\n')
    with pytest.raises(ValueError, match=f'run.yaml: {message}'):
        read(tmp_path, required + text + '\n')


@pytest.mark.parametrize('override', ['seed', 'seed.x=1', '=3'])
def test_an_override_that_means_nothing_is_refused(override: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f'{override}: expected'):
        read(tmp_path, 'output: x\nsteps: 3\nseed: 1\n', override)

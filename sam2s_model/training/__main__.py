"""`python -m sam2s_model.training CONFIG`: train, or go on where training stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from sam2s_model.training.config import read_config
from sam2s_model.training.train import train


def main() -> None:
    """Read the settings and train."""
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.training', description='Train on phantom videos.')
    parser.add_argument('config', type=Path, help='YAML file with the settings of `TrainingConfig`')
    print(f'averaged weights: {train(read_config(parser.parse_args().config))}')


if __name__ == '__main__':
    main()

"""`python -m sam2s_model.training CONFIG [KEY=VALUE...]`: train, or go on where training stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from sam2s_model.training.config import read_config
from sam2s_model.training.train import train


def main() -> None:
    """Read the settings and train."""
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.training', description='Train a network on masklets.')
    parser.add_argument('config', type=Path, help='YAML file with the settings of `TrainingConfig`')
    parser.add_argument('overrides', nargs='*', metavar='KEY=VALUE', help='settings to change, such as loss.stride=1')
    parser.add_argument('--until', type=int, metavar='STEP', help='stop after this step; another run goes on from it')
    arguments = parser.parse_args()
    try:
        config = read_config(arguments.config, arguments.overrides)
        result = train(config, arguments.until)
    except (ValueError, FileNotFoundError, ImportError) as problem:
        raise SystemExit(f'error: {problem}') from None
    print(f'averaged weights: {result}')


if __name__ == '__main__':
    main()

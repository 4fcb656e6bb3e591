"""python -m sam2s_model.semantics make CLASSES FILE: make an instrument bank. show FILE: tell what one holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from sam2s_model.semantics.bank_making import make_bank
from sam2s_model.semantics.class_list import BadClassList, read_class_list
from sam2s_model.semantics.instrument_bank import BadInstrumentBank, InstrumentBank, read_bank, save_bank
from sam2s_model.semantics.text_encoders import (
    EncoderUnavailable,
    TextEncoder,
    open_clip,
    sentence_encoder,
    transformers_clip,
)


def main() -> None:
    options = _parse()
    try:
        if options.command == 'make':
            save_bank(make_bank(read_class_list(options.classes), _encoder(options)), options.file)
        bank = read_bank(options.file)
    except (FileNotFoundError, BadClassList, BadInstrumentBank, EncoderUnavailable) as error:
        raise SystemExit(f'error: {error}') from None
    print('\n'.join(_describe(bank)))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.semantics', description='Make and show class banks.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    make = commands.add_parser('make', help='encode class names; without an option by the sentence encoder from PyPI')
    make.add_argument('classes', type=Path, metavar='CLASSES', help='YAML, such as config/instruments.yaml')
    make.add_argument('file', type=Path, metavar='FILE', help='where to write the bank, .safetensors')
    encoders = make.add_mutually_exclusive_group()
    encoders.add_argument('--clip', type=Path, metavar='DIR', help='CLIP as saved for transformers')
    encoders.add_argument('--open-clip', nargs=2, metavar=('NAME', 'WEIGHTS'), help='open_clip model and its weights')
    show = commands.add_parser('show', help='encoder, size, and for each class the one most like it')
    show.add_argument('file', type=Path, metavar='FILE')
    return parser.parse_args()


def _encoder(options: argparse.Namespace) -> TextEncoder:
    if options.clip:
        return transformers_clip(options.clip)
    if options.open_clip:
        architecture, weights = options.open_clip
        return open_clip(architecture, Path(weights))
    return sentence_encoder()


def _describe(bank: InstrumentBank) -> Iterator[str]:
    yield f'{len(bank.names)} classes, {bank.dim} channels, by {bank.encoder}'
    yield from (f'template: {template}' for template in bank.templates)
    likeness = bank.embeddings @ bank.embeddings.T
    likeness.fill_diagonal_(-1.0)
    for name, row in zip(bank.names, likeness, strict=True):
        yield f'{name:<20} most like {bank.names[int(row.argmax())]} ({float(row.max()):.2f})'


if __name__ == '__main__':
    main()

"""`python -m sam2s_model.phantom`: write a phantom video to a folder, or look at some on a contact sheet."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.phantom import (
    BENCHMARK_SETS,
    PRESETS,
    benchmark_clips,
    contact_sheet,
    generate,
    preset,
    write_folder,
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.out is None and options.contact_sheet is None:
        parser.error('nothing to do: give --out FOLDER, --contact-sheet FILE.png or both')
    if options.set is not None:
        return _write_set(options.set, options.out, options.contact_sheet)
    changes = {'frames': options.frames, 'fps': options.fps, 'disturbance': options.disturbance}
    changes |= dict(zip(('height', 'width'), options.size or (None, None), strict=True))
    config = preset(options.preset, **{key: value for key, value in changes.items() if value is not None})
    video = generate(config, options.seed)
    if options.out is not None:
        write_folder(video, options.out)
        print(f'{options.out}: {len(video.frames)} frames, objects: {", ".join(video.names)}')
    if options.contact_sheet is not None:
        more = [generate(config, options.seed + k) for k in range(1, options.videos)]
        sheet = contact_sheet([video, *more])
        _write_picture(options.contact_sheet, sheet)
        print(f'{options.contact_sheet}: {1 + len(more)} videos, one a row')
    return 0


def _write_set(name: str, out: Path | None, sheet: Path | None) -> int:
    """Write each video of a benchmark set to its own folder in `out`, and one row of each to a contact sheet."""
    rows = []
    for clip in benchmark_clips(name):
        video = clip.video()
        if out is not None:
            write_folder(video, out / clip.name)
        if sheet is not None:
            rows.append(contact_sheet([video]))
        print(f'{clip.name}: {len(video.frames)} frames, objects: {", ".join(video.names)}')
    if sheet is not None:
        _write_picture(sheet, np.vstack(rows))
    return 0


def _write_picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.phantom', description=__doc__)
    parser.add_argument('--preset', choices=sorted(PRESETS), default='surgery', help='kind of video (default: surgery)')
    parser.add_argument('--set', choices=sorted(BENCHMARK_SETS), help='all videos of a benchmark set instead of one')
    parser.add_argument('--seed', type=int, default=0, help='the same seed gives the same video (default: 0)')
    parser.add_argument('--frames', type=int, help='number of frames (default: of the preset)')
    parser.add_argument('--fps', type=float, help='frames a second; motion is in real seconds (default: of the preset)')
    parser.add_argument(
        '--size', type=_size, metavar='HxW', help='image size, such as 360x480 (default: of the preset)'
    )
    parser.add_argument('--disturbance', type=float, help='smoke, blur, noise …, 0 to 1 (default: of the preset)')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='write frames/, masks/ and meta.json here')
    parser.add_argument(
        '--contact-sheet', type=Path, metavar='FILE.png', help='draw frames with contours, a video a row'
    )
    parser.add_argument(
        '--videos', type=int, default=1, help='rows of the contact sheet, seeds from --seed on (default: 1)'
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition('x')
    if not (height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f'expected HxW such as 360x480, got {text!r}')
    return int(height), int(width)


if __name__ == '__main__':
    raise SystemExit(main())

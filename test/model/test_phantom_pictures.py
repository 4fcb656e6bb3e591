"""Pictures that other packages install: found where they are named, sorted into cut-outs and photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.phantom import training_clip
from sam2s_model.phantom.pictures import (
    FOLDERS_VARIABLE,
    cutout,
    cutout_count,
    forget_pictures,
    photograph,
    photograph_count,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    monkeypatch.setattr('sam2s_model.phantom.pictures._skimage_photographs', list)
    forget_pictures()
    yield tmp_path
    monkeypatch.undo()
    forget_pictures()


def noisy(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def disc(path: Path, flat: bool = False) -> None:
    pixels = noisy(60, 80, 4)
    if flat:
        pixels[..., :3] = 90
    pixels[..., 3] = 0
    rows, columns = np.ogrid[0:60, 0:80]
    pixels[(rows - 30) ** 2 + (columns - 40) ** 2 < 400, 3] = 255
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), pixels)


def test_a_cut_out_is_cropped_to_what_is_opaque(folder: Path) -> None:
    disc(folder / 'frog.png')
    assert cutout_count() == 1 and photograph_count() == 0
    rgba = cutout(0)
    assert rgba is not None and rgba.shape == (39, 39, 4)


def test_drawings_are_no_cut_outs(folder: Path) -> None:
    disc(folder / 'logo.png', flat=True)
    disc(folder / 'cartoon' / 'frog.png')
    assert [cutout(k) for k in range(cutout_count())] == [None]


def test_of_a_wallpaper_in_many_sizes_one_is_a_photograph(folder: Path) -> None:
    for name in ('640x480.jpg', '1280x800.jpg', '2560x1600.jpg', 'screenshot.jpg', 'dune.jpg'):
        cv2.imwrite(str(folder / name), noisy(250, 300, 3))
    assert photograph_count() == 2
    picture = photograph(0)
    assert picture is not None and picture.shape[2] == 3


def test_training_does_without_pictures(folder: Path) -> None:
    clip = training_clip(np.random.default_rng(0), side=64, frames=2)
    assert cutout_count() == photograph_count() == 0 and clip.names


def test_training_shows_cut_outs_where_there_are_some(folder: Path) -> None:
    disc(folder / 'frog.png')
    names = [name for k in range(12) for name in training_clip(np.random.default_rng(k), 64, 1).names]
    assert 'cut-out' in names


def test_icons_are_no_photographs(folder: Path) -> None:
    cv2.imwrite(str(folder / 'icon.png'), noisy(64, 64, 3))
    assert [photograph(k) for k in range(photograph_count())] == [None]

"""The phantom as its users see it: one seed, one video; masks that tell the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.phantom import PhantomConfig, generate, masklets, preset, training_clip
from sam2s_model.phantom.__main__ import main
from sam2s_model.phantom.instrument_designs import DESIGNS

SMALL = preset('training', height=96, width=128, frames=5, photos=False)


def test_the_same_seed_gives_the_same_video() -> None:
    first, second = generate(SMALL, 3), generate(SMALL, 3)
    assert np.array_equal(first.frames, second.frames)
    assert np.array_equal(first.labels, second.labels)
    assert first.names == second.names


def test_another_seed_gives_another_video() -> None:
    assert not np.array_equal(generate(SMALL, 3).frames, generate(SMALL, 4).frames)


def test_another_process_makes_the_same_video() -> None:
    code = (
        'import hashlib; from sam2s_model.phantom import generate, preset;'
        "v = generate(preset('training', height=96, width=128, frames=5, photos=False), 3);"
        'print(hashlib.sha256(v.frames.tobytes() + v.labels.tobytes()).hexdigest())'
    )
    runs = {
        subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout for _ in 'ab'
    }
    assert len(runs) == 1


@pytest.mark.parametrize('seed', range(6))
def test_masks_names_and_visibility_agree(seed: int) -> None:
    video = generate(SMALL, seed)
    assert video.frames.shape == (5, 96, 128, 3) and video.frames.dtype == np.uint8
    assert video.labels.shape == (5, 96, 128) and video.labels.dtype == np.uint8
    assert len(video.names) == len(video.is_instrument) == len(video.visible) >= 1
    assert video.labels.max() <= len(video.names)
    for k in range(1, len(video.names) + 1):
        assert np.array_equal((video.labels == k).any(axis=(1, 2)), video.visible[k - 1])
    assert video.visible.any(axis=1).all() and video.visible[:, 0].any()


def test_masklets_hold_the_same_masks_as_the_label_images() -> None:
    video = generate(SMALL, 1)
    tracks = masklets(video)
    assert [track.label for track in tracks] == list(video.names)
    assert sum(int(track.masks.sum()) for track in tracks) == int((video.labels > 0).sum())


def test_ten_classes_are_drawn_and_can_be_chosen() -> None:
    assert len(DESIGNS) >= 10
    config = preset('surgery', height=96, width=128, frames=1, instruments=1.0)
    seen = {name for seed in range(40) for name in generate(config, seed).names}
    assert len(seen) >= 5
    only_hooks = preset('surgery', height=96, width=128, frames=1, instruments=1.0, classes=('hook',))
    assert set(generate(only_hooks, 0).names) == {'hook'}


def test_half_of_the_training_objects_are_no_instruments() -> None:
    kinds = [
        flag
        for seed in range(60)
        for flag in generate(preset('training', frames=1, height=64, width=64), seed).is_instrument
    ]
    assert 0.35 < np.mean(kinds) < 0.65


def test_objects_leave_and_return() -> None:
    config = preset(
        'surgery', height=64, width=96, frames=60, fps=5, objects=(1, 1), instruments=1.0, absence=1.0, late=0.0
    )
    returned = 0
    for seed in range(6):
        edges = np.diff(generate(config, seed).visible[0].astype(int))
        left = np.flatnonzero(edges < 0)
        returned += bool(len(left) and (edges[left[0] :] > 0).any())
    assert returned >= 4


def test_lookalikes_share_their_class() -> None:
    config = PhantomConfig(
        height=64, width=64, frames=1, objects=(2, 2), distractors=0, instruments=1.0, lookalikes=1.0
    )
    names = [generate(config, seed).names for seed in range(8)]
    assert any(len(pair) == 2 and pair[0] == pair[1] for pair in names)


def test_a_training_clip_has_the_size_and_the_gap_asked_for() -> None:
    clip = training_clip(np.random.default_rng(0), side=80, frames=4, strides=(5,))
    assert clip.frames.shape == (4, 80, 80, 3)
    assert clip.fps == 5.0


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ValueError, match='unknown instrument classes'):
        PhantomConfig(classes=('spoon',))
    with pytest.raises(ValueError, match='choose from'):
        preset('holiday')


def test_the_command_writes_a_readable_folder(tmp_path: Path) -> None:
    out, sheet = tmp_path / 'clip', tmp_path / 'sheet.png'
    command = ['--preset', 'surgery', '--seed', '2', '--frames', '3', '--size', '72x96']
    assert main([*command, '--out', str(out), '--contact-sheet', str(sheet)]) == 0
    meta = json.loads((out / 'meta.json').read_text())
    assert (meta['frames'], meta['height'], meta['width']) == (3, 72, 96)
    labels = cv2.imread(str(out / 'masks/00002.png'), cv2.IMREAD_UNCHANGED)
    assert labels.shape == (72, 96) and {str(k) for k in np.unique(labels) if k} <= set(meta['objects'])
    assert cv2.imread(str(out / 'frames/00002.jpg')).shape == (72, 96, 3)
    assert sheet.exists()


def test_the_command_refuses_a_size_it_cannot_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['--size', 'big'])
    assert 'expected HxW' in capsys.readouterr().err

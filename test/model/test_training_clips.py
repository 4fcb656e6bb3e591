"""Clips: deterministic, of the right frames and objects, from videos on disk, and augmented alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from training_clips import DrawnVideos, drawn_clips

from sam2s_model.data import UnreadableData
from sam2s_model.frame_memory import Role
from sam2s_model.phantom.instrument_designs import CLASSES
from sam2s_model.training.augmentation import Augmentation, augment
from sam2s_model.training.clips import ClipRecipe, Clips, stream
from sam2s_model.training.divemem_sampling import ClipSampling
from sam2s_model.training.sources import Sources, SourceSettings, open_sources

SIDE = 64
ALL = Augmentation(flip=0.5, rotation=25, shear=20, brightness=0.1, contrast=0.1, saturation=0.1, grey=0.1, flicker=0.1)


def clips_of(sources: Sources, sampling: ClipSampling, augmentation: Augmentation | None = None) -> Clips:
    return Clips(ClipRecipe(sources, (SIDE,), (8, 8), sampling, augmentation or Augmentation()), seed=3)


def write_davis(root: Path, name: str, frames: int) -> None:
    for index in range(frames):
        for folder, value in (('JPEGImages', 90), ('Annotations', 0)):
            image = np.full((48, 80), value, np.uint8)
            cv2.rectangle(image, (10 + index, 10), (40 + index, 30), 200 if value else 1, -1)
            path = root / folder / name / f'{index:05d}.{"jpg" if value else "png"}'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)


def write_images(root: Path, count: int) -> None:
    for index in range(count):
        for folder, value in (('images', 120), ('masks', 255)):
            image = np.zeros((48, 80), np.uint8)
            cv2.circle(image, (40, 24), 12, value, -1)
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f'{index}.png'), image)


def test_a_number_is_the_same_clip_for_ever() -> None:
    first, again, other = drawn_clips()[4], drawn_clips()[4], drawn_clips()[5]
    assert np.array_equal(first.frames, again.frames) and first.seed == again.seed
    assert not np.array_equal(first.frames, other.frames)


def test_about_as_many_clips_are_divemems_as_not() -> None:
    clips = clips_of(Sources((DrawnVideos(),), (1.0,)), ClipSampling(divemem=0.5))
    kinds = [clips[index].is_divemem for index in range(60)]
    assert 18 <= sum(kinds) <= 42


def test_about_so_many_clips_are_images() -> None:
    clips = drawn_clips(frames=(3, 3), sampling=ClipSampling(images=0.5))
    assert 5 <= sum(len(clips[n].frames) == 1 for n in range(20)) <= 15


def test_what_comes_into_sight_is_prompted_when_little_of_it_is_seen() -> None:
    late = open_sources({'phantom': SourceSettings(strides=(1,), late=1.0)})

    def least_seen(entering: float) -> float:
        """Mean over clips of what the object that is seen least at first shows then, as a share of the most."""
        clips = clips_of(late, ClipSampling(entering=entering))
        areas = [clips[n].masks.sum((2, 3)) for n in range(20)]
        return float(np.mean([(area[:, 0] / area.max(1)).min() for area in areas]))

    assert least_seen(1.0) < least_seen(0.0) - 0.2


def test_clips_may_end_in_another_video_where_none_of_their_objects_is() -> None:
    here, elsewhere = (drawn_clips(frames=(6, 6), sampling=ClipSampling(elsewhere=share)) for share in (0.0, 1.0))
    for n in range(4):
        assert np.array_equal(here[n].frames[:4], elsewhere[n].frames[:4])
        assert np.array_equal(here[n].masks[:, :4], elsewhere[n].masks[:, :4])
        assert not np.array_equal(here[n].frames[4:], elsewhere[n].frames[4:]) and not elsewhere[n].masks[:, 4:].any()


def test_things_leave_as_often_as_a_source_says() -> None:
    def hidden(absence: float) -> int:
        """Masks without a pixel in a few clips of two seconds."""
        source = open_sources({'phantom': SourceSettings(strides=(4,), preset='short', late=0.0, absence=absence)})
        clips = Clips(ClipRecipe(source, (SIDE,), (12, 12), ClipSampling(), Augmentation()), seed=3)
        return sum(int((clips[n].masks.sum((2, 3)) == 0).sum()) for n in range(12))

    assert hidden(1.0) > 2 * hidden(0.0)


def test_clips_may_come_from_images_of_a_small_camera() -> None:
    def steps(side: int | None) -> float:
        """Mean difference between neighbouring pixels of a few clips."""
        source = open_sources({'phantom': SourceSettings(preset='short', side=side)})
        clips = clips_of(source, ClipSampling(images=1.0))
        frames = np.concatenate([clips[n].frames for n in range(8)]).astype(float)
        assert frames.shape[1:3] == (SIDE, SIDE)
        return float(np.abs(np.diff(frames, axis=2)).mean())

    assert steps(32) < 0.8 * steps(None)


def test_at_most_so_many_objects_are_taken() -> None:
    clips = drawn_clips(sampling=ClipSampling(objects=1))
    assert {len(clips[index].masks) for index in range(10)} == {1}
    assert {clips[index].class_names for index in range(10)} == {('hook',), ('',)}


def test_clips_come_in_order_from_worker_processes() -> None:
    clips = drawn_clips()
    seeds = [clip.seed for clip in stream(clips, range(3, 9), workers=2)]
    assert seeds == [clips[index].seed for index in range(3, 9)]


def test_frames_and_masks_are_augmented_alike() -> None:
    mask = np.zeros((1, 2, SIDE, SIDE), bool)
    mask[:, :, 20:40, 24:50] = True
    frames = np.where(mask[0][..., None], 200, 40).astype(np.uint8).repeat(3, axis=-1)
    for seed in range(10):
        moved, masks = augment(np.random.default_rng(seed), ALL, frames, mask)
        bright = moved.mean(-1) > 115
        inside = np.logical_or(moved.mean(-1) > 5, masks[0])  # beyond the image's border it is black
        assert masks.any() and ((bright == masks[0]) | ~inside).mean() > 0.97
        assert np.array_equal(masks[0, 0], masks[0, 1])


def test_without_augmentation_a_clip_stays_as_it_is() -> None:
    clip = drawn_clips()[0]
    frames, masks = augment(np.random.default_rng(0), Augmentation(), clip.frames, clip.masks)
    assert frames is clip.frames and masks is clip.masks


def test_videos_and_images_on_disk_are_mixed_by_their_shares(tmp_path: Path) -> None:
    write_davis(tmp_path / 'videos', 'moving', 12)
    write_images(tmp_path / 'images', 3)
    sources = open_sources(
        {
            'videos': SourceSettings(path=str(tmp_path / 'videos'), share=4),
            'images': SourceSettings(path=str(tmp_path / 'images'), share=1),
        }
    )
    assert sources.shares == (0.8, 0.2)
    clips = clips_of(sources, ClipSampling(divemem=0.5), ALL)
    found = [clips[index] for index in range(30)]
    lengths = [len(clip.frames) for clip in found]
    assert set(lengths) == {1, 8} and lengths.count(8) > lengths.count(1)
    assert any(clip.is_divemem for clip in found)
    assert all(clip.frames.shape[1:] == (SIDE, SIDE, 3) and clip.masks[:, 0].any() for clip in found)
    assert all(clip.roles == (Role.CONDITIONING,) for clip in found if len(clip.frames) == 1)


def test_only_annotated_frames_are_trained_on(tmp_path: Path) -> None:
    write_davis(tmp_path, 'sparse', 12)
    for index in range(12):
        if index % 3:
            (tmp_path / 'Annotations' / 'sparse' / f'{index:05d}.png').unlink()
    video = (
        open_sources({'sparse': SourceSettings(path=str(tmp_path))})
        .sources[0]
        .draw(np.random.default_rng(0), SIDE, 8, whole=False)
    )
    assert len(video) == 4
    assert [int(np.flatnonzero(video.masks(index)[0].any(0))[0]) for index in range(4)] == [10, 13, 16, 19]


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match='expected videos with masks'):
        open_sources({'empty': SourceSettings(path=str(tmp_path))})


def test_a_phantom_source_shows_what_its_preset_and_its_share_of_instruments_say() -> None:
    sources = open_sources({'tissue': SourceSettings(preset='short', instruments=0.0)})
    rng = np.random.default_rng(0)
    names = {name for _ in range(8) for name in sources.sources[0].draw(rng, 64, 2, whole=False).class_names}
    assert names and not names & set(CLASSES)
    with pytest.raises(ValueError, match=r"preset: expected one of .*'training'.*, came 'none'"):
        SourceSettings(preset='none')
    with pytest.raises(ValueError, match='instruments: expected a share'):
        SourceSettings(instruments=2.0)
    with pytest.raises(ValueError, match='at least 32×32 pixels, got 16×16'):
        SourceSettings(side=16)

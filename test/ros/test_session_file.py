"""A session is the same after it was written and read; what is no session is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sam2s_ros.object_registry import Identity
from sam2s_ros.session_file import (
    BadSession,
    SavedObject,
    SavedSession,
    read_session,
    session_path,
    write_session,
)


def mask(middle: tuple[int, int]) -> np.ndarray:
    return cv2.circle(np.zeros((60, 80), np.uint8), middle, 9, 1, -1) == 1


def jpeg() -> bytes:
    picture = np.full((60, 80, 3), (200, 60, 20), np.uint8)  # BGR
    return cv2.imencode('.jpg', picture)[1].tobytes()


SESSION = SavedSession(
    session_id='abc',
    frame_index=7,
    saved_ns=1_700_000_000_123_456_789,
    has_ended=False,
    objects=(
        SavedObject(Identity('psm1 ✂', 3, 'grasper'), 10, mask((20, 20))),
        SavedObject(Identity('2', 1, ''), 20, mask((50, 30))),
    ),
    images={10: jpeg(), 20: jpeg()},
    prompts=({'stamp_ns': 10, 'object_id': '2', 'box': [1.0, 2.0, 3.0, 4.0]},),
    image_topic='/left/image',
    settings={'model.size': 'lite'},
)


def test_what_was_written_is_read_and_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'case.session.json'
    write_session(SESSION, path)
    found = read_session(path)
    assert replace(found, objects=()) == replace(SESSION, objects=())
    for ours, theirs in zip(found.objects, SESSION.objects, strict=True):
        assert (ours.identity, ours.stamp_ns) == (theirs.identity, theirs.stamp_ns)
        np.testing.assert_array_equal(ours.mask, theirs.mask)
    assert path.stat().st_mode & 0o777 == 0o600
    np.testing.assert_allclose(found.image(10)[30, 40], (20, 60, 200), atol=3)


@pytest.mark.parametrize(
    'name', ['../up', 'a/b', '/etc/passwd', '..', '.hidden', '', 'x' * 65, 'a\0b', 'a b', 'ä', 'a\n', '-\\..']
)
def test_fault_35_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSession, match='expected a name'):
        session_path(tmp_path, name)


def test_fault_35_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / 'case.session.json').symlink_to(tmp_path.parent / 'elsewhere')
    with pytest.raises(BadSession, match='leads elsewhere'):
        session_path(tmp_path, 'case')


@pytest.mark.parametrize(
    'spoil',
    [
        lambda content: content.update(format='sam2s_ros session 99'),
        lambda content: content.pop('objects'),
        lambda content: content['images'].pop('10'),
        lambda content: content['images'].update({'10': '%%'}),
        lambda content: content['objects'][0].update(object_id='a\nb'),
        lambda content: content['objects'][0]['mask'].update(counts=[5]),
        lambda content: content.update(frame_index='many'),
    ],
)
def test_what_is_no_session_is_refused_with_a_reason(tmp_path: Path, spoil: Callable[[Any], Any]) -> None:
    path = tmp_path / 'case.session.json'
    write_session(SESSION, path)
    content = json.loads(path.read_text())
    spoil(content)
    path.write_text(json.dumps(content))
    with pytest.raises(BadSession, match='expected'):
        read_session(path)


@pytest.mark.parametrize('text', ['', '[]', 'null', '{', '\x80', 'x: y'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'case.session.json'
    path.write_bytes(text.encode('latin-1'))
    with pytest.raises(BadSession, match='expected'):
        read_session(path)


def test_an_image_that_is_none_is_refused() -> None:
    with pytest.raises(BadSession, match='expected a JPEG'):
        replace(SESSION, images={10: b'no image'}).image(10)

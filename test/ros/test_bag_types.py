"""Our messages as the rosbags library knows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam2s_ros import bag_types
from sam2s_ros.bag_types import compressed_image, message_types, stamp_ns


def test_every_message_of_ours_is_known() -> None:
    folder = Path(bag_types.__file__).parents[1] / 'sam2s_msgs' / 'msg'
    if not folder.is_dir():
        pytest.skip('runs in the checkout only')
    assert {f'sam2s_msgs/msg/{path.stem}' for path in folder.glob('*.msg')} <= message_types().types.keys()


@pytest.mark.parametrize('stamp', [0, 999_999_999, 1_000_000_000, 1_700_000_000_123_456_789])
def test_a_stamp_keeps_its_nanoseconds(stamp: int) -> None:
    assert stamp_ns(compressed_image(stamp, 'camera', 'jpeg', b'')) == stamp


def test_missing_definitions_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bag_types, '__file__', str(tmp_path / 'site' / 'sam2s_ros' / 'bag_types.py'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(FileNotFoundError, match='source its workspace'):
        message_types.__wrapped__()

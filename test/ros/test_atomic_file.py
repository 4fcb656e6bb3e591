"""Files that are replaced as a whole."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sam2s_ros.atomic_file import write_atomically


@pytest.mark.parametrize('content', ['naïve\n', b'\x00\xff'])
def test_content_is_written_and_nothing_is_left_beside_it(tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / 'file').write_text('a much longer text than the new one')
    write_atomically(tmp_path / 'file', content)
    data = content.encode() if isinstance(content, str) else content
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [('file', data)]


def test_everybody_may_read_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / 'file', 'x')
    assert stat.S_IMODE((tmp_path / 'file').stat().st_mode) == 0o644


def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'file').write_text('old')

    def refuse(*_: object) -> None:
        raise OSError('no')

    monkeypatch.setattr('pathlib.Path.replace', refuse)
    with pytest.raises(OSError, match='no'):
        write_atomically(tmp_path / 'file', 'new')
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [('file', 'old')]

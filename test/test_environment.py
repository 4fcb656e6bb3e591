"""What prepares the environment, where that can be tried without preparing one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).resolve().parents[1] / 'config' / 'environment'


def test_links_to_files_that_were_removed_do_not_stay_in_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'path', [str(ENVIRONMENT), *sys.path])
    import prepare

    kept, removed, file = (tmp_path / 'build' / name for name in ('kept.yaml', 'config/removed.yaml', 'file.txt'))
    removed.parent.mkdir(parents=True)
    (tmp_path / 'there.yaml').touch()
    file.touch()
    kept.symlink_to(tmp_path / 'there.yaml')
    removed.symlink_to(tmp_path / 'gone.yaml')
    prepare.forget_removed_files(tmp_path / 'build')
    assert kept.exists() and file.exists() and not removed.is_symlink()
    prepare.forget_removed_files(tmp_path / 'never built')

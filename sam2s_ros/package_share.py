"""Where files of this package lie: in its installed share folder, or in the source tree when not installed."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory


def default_labels_file() -> Path:
    """The labels file that comes with the package."""
    return _share() / 'config' / 'labels.yaml'


def _share() -> Path:
    try:
        return Path(get_package_share_directory('sam2s_ros'))
    except PackageNotFoundError:
        return Path(__file__).resolve().parent.parent

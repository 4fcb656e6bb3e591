"""What the machine itself has to offer: system tools, and perhaps an installed ROS 2."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from progress import SetupProblem

SUPPORTED_ROS = ('humble', 'jazzy', 'kilted')
OLDEST_PYTHON = (3, 10)
NEWEST_PYTHON_WITH_WHEELS = (3, 13)
MISSING = '{tool} is missing; install it with: sudo apt-get install {package}'


def sourced_ros() -> str | None:
    """The distribution of the ROS 2 that this shell has sourced, None where there is none.

    Raises:
        SetupProblem: What is sourced cannot be used.
    """
    distro = os.environ.get('ROS_DISTRO')
    if not distro:
        return None
    if distro not in SUPPORTED_ROS:
        raise SetupProblem(
            f'ROS_DISTRO is {distro}, expected one of {", ".join(SUPPORTED_ROS)}; use a shell without it'
        )
    if not os.environ.get('AMENT_PREFIX_PATH') or shutil.which('ros2') is None:
        raise SetupProblem(f'ROS_DISTRO is {distro}, but ros2 is not found; run: source /opt/ros/{distro}/setup.bash')
    return distro


def check_system(ros: str | None) -> None:
    """Refuse to begin on a machine that lacks something, naming it and the apt package that brings it.

    Raises:
        SetupProblem: With one line for each missing thing.
    """
    if sys.version_info < OLDEST_PYTHON:
        came = platform.python_version()
        raise SetupProblem(f'Python {came} is too old, expected 3.10 or newer; name one with: make PYTHON=python3.11')
    if ros is None:
        check_wheels_fit()
    missing = [MISSING.format(tool=tool, package=package) for tool, package in missing_tools(ros)]
    if missing:
        raise SetupProblem('\nset-up: '.join(missing))


def check_wheels_fit() -> None:
    if (platform.system(), platform.machine()) != ('Linux', 'x86_64'):
        came = f'{platform.system()} {platform.machine()}'
        raise SetupProblem(f'ROS 2 comes as wheels for Linux x86_64 only, this is {came}; source an installed ROS 2')
    if sys.version_info[:2] > NEWEST_PYTHON_WITH_WHEELS:
        came = platform.python_version()
        raise SetupProblem(
            f'ROS 2 comes as wheels up to Python 3.13, this is {came}; name one with: make PYTHON=python3.13'
        )


def missing_tools(ros: str | None) -> list[tuple[str, str]]:
    """Pairs of what is missing and the apt package that has it."""
    missing = []
    if importlib.util.find_spec('ensurepip') is None:
        missing.append(('the venv module of Python', 'python3-venv'))
    if not (Path(sysconfig.get_paths()['include']) / 'Python.h').is_file():
        missing.append(('the C header Python.h', 'python3-dev'))
    missing += [(tool, tool) for tool in ('g++', 'cmake', 'make') if shutil.which(tool) is None]
    if ros is not None and importlib.util.find_spec('colcon_core') is None:
        missing.append(('colcon', 'python3-colcon-common-extensions'))
    return missing

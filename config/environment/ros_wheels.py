"""Repair the ROS wheels: their CMake files name folders of the machine on which they were built."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

# The longer of the two first: NumPy's folder lies inside Python's.
NUMPY_INCLUDE = re.compile(r'/opt/python/[^;"\s]+/numpy/_core/include')
PYTHON_INCLUDE = re.compile(r'/opt/python/[^/;"\s]+/include/python3\.\d+')
ASK_FOLDERS = 'import numpy, sysconfig; print(numpy.get_include()); print(sysconfig.get_paths()["include"])'


def repair_cmake_paths(venv: Path) -> None:
    """Point the exported targets under `venv` at the include folders of its own NumPy and Python."""
    answer = subprocess.run([venv / 'bin' / 'python', '-c', ASK_FOLDERS], check=True, capture_output=True, text=True)
    numpy_include, python_include = answer.stdout.splitlines()
    for path in venv.glob('share/*/cmake/*.cmake'):
        text = path.read_text()
        repaired = NUMPY_INCLUDE.sub(numpy_include, text)
        repaired = PYTHON_INCLUDE.sub(python_include, repaired)
        if repaired != text:
            path.write_text(repaired)

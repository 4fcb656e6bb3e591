"""What a row of the parity table stands on: the code that its test reaches, trained weights and their video.

Comments, layout and docstrings do not count, so that a row is measured again only when it may have changed.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'sam2s_model'
FOLDERS = (ROOT, Path(__file__).resolve().parent)  # where our modules are imported from
TRAINED = {  # trained weights, and what loads them
    ROOT / 'test' / 'drivers' / 'small_sam2s.py': ROOT / 'test' / 'fixtures',
    PACKAGE / 'build.py': PACKAGE / 'weights',
}
PEERS = ('sam2', 'torch', 'numpy')


@cache
def digest_of(test_file: Path) -> str:
    """One hash over everything that a test file's results depend on."""
    digest = hashlib.sha256('\n'.join(release(name) for name in PEERS).encode())
    reached = _reached(test_file)
    for loader, folder in TRAINED.items():
        if loader in reached:
            reached |= {path for path in folder.rglob('*') if path.is_file()}
    for path in sorted(reached):
        digest.update(f'\n{path.relative_to(ROOT)}\n'.encode())
        digest.update(_meaning(path) if path.suffix == '.py' else path.read_bytes())
    return digest.hexdigest()


def release(name: str) -> str:
    """Name and version of a package, whatever it was compiled for."""
    return f'{name} {version(name).split("+")[0]}'


def _reached(test_file: Path) -> set[Path]:
    """A test file, its conftest, and our modules that it imports, directly or by others.

    What conftest imports is for other tests: it builds the reference alone for ours.
    """
    found = {test_file.parent / 'conftest.py'}
    waiting = [test_file]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    return found


def _imports(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f'{node.module}.{alias.name}' for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (file for name in names for file in _files_of(name))


def _files_of(name: str) -> Iterator[Path]:
    """The file of a module of ours. A name that our package passes on stands for the module that it comes from."""
    if name == PACKAGE.name:
        return
    package, _, last = name.rpartition('.')
    if package == PACKAGE.name and last in _passed_on():
        yield from _files_of(_passed_on()[last])
    for folder in FOLDERS:
        stem = folder.joinpath(*name.split('.'))
        yield from (file for file in (stem.with_suffix('.py'), stem / '__init__.py') if file.is_file())


@cache
def _passed_on() -> dict[str, str]:
    tree = ast.parse((PACKAGE / '__init__.py').read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def _meaning(path: Path) -> bytes:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree).encode()

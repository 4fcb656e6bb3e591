"""What docs/ says of the code is so: files, names and defaults exist, and every promise about prompts has its test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAPER, PROMPTS = ROOT / 'docs' / 'paper.md', ROOT / 'docs' / 'prompts.md'
PLACE = re.compile(r'`([\w.]+/[\w./]+\.(?:py|yaml|md))(?::([\w.]+))?`(?: = ([^,;|\s]+))?')
SETTING = re.compile(r'`([A-Z]\w+)\.(\w+)`(?: = ([^,;|\s]+))?')
LINK = re.compile(r'\]\((?!https?:|#)([^)#]+)')
PAPER_ELEMENTS = (
    'Eq. 1',
    'Eq. 2',
    'Eq. 3',
    'Eq. 4',
    'Eq. 5',
    'Fig. 2',
    'Δ',
    'γ_iou',
    'N_l',
    'σ',
    'τ',
    'λ_tsl',
    'λ_arl',
)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding='utf-8'))


def definition(scope: ast.AST, name: str) -> ast.AST | None:
    """The statement that defines a name in a module or class."""
    for node in getattr(scope, 'body', []):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, 'target', None)]
        names = [child.id for target in targets if target for child in ast.walk(target) if isinstance(child, ast.Name)]
        if name in names:
            return node
    return None


def symbol(path: Path, dotted: str) -> ast.AST | None:
    scope: ast.AST | None = tree(path)
    for name in dotted.split('.'):
        scope = definition(scope, name) if scope else None
    return scope


def class_named(name: str) -> list[ast.AST]:
    found = (definition(tree(path), name) for path in sources() if f'class {name}' in text(path))
    return [node for node in found if isinstance(node, ast.ClassDef)]


@cache
def sources() -> list[Path]:
    return sorted((ROOT / 'sam2s_model').rglob('*.py'))


@cache
def text(path: Path) -> str:
    return path.read_text(encoding='utf-8')


def default(node: ast.AST | None, name: str) -> object:
    """The literal that is assigned to a name, also in `A, B = 1, 2`."""
    assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None, f'{name} has no value'
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=True)
            return next(ast.literal_eval(value) for key, value in pairs if ast.unparse(key) == name)
    return ast.literal_eval(node.value)


def documents() -> list[Path]:
    return sorted((ROOT / 'docs').glob('*.md'))


@pytest.mark.parametrize('document', documents(), ids=lambda path: path.name)
def test_every_file_and_name_in_a_document_exists(document: Path) -> None:
    for file, dotted, value in PLACE.findall(document.read_text(encoding='utf-8')):
        assert (ROOT / file).is_file(), f'{document.name} names {file}'
        found = symbol(ROOT / file, dotted) if dotted else None
        assert found or not dotted, f'{document.name}: {file} has no {dotted}'
        assert not value or default(found, dotted.split('.')[-1]) == ast.literal_eval(value), f'{dotted} is not {value}'


@pytest.mark.parametrize(('owner', 'name', 'value'), sorted(set(SETTING.findall(PAPER.read_text(encoding='utf-8')))))
def test_every_setting_of_the_paper_exists_and_has_that_default(owner: str, name: str, value: str) -> None:
    found = next((node for candidate in class_named(owner) if (node := definition(candidate, name))), None)
    assert found is not None, f'{owner} has no {name}'
    assert not value or default(found, name) == ast.literal_eval(value)


@pytest.mark.parametrize('document', documents(), ids=lambda path: path.name)
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding='utf-8')):
        assert (document.parent / target).exists(), f'{document.name} links to {target}'


@pytest.mark.parametrize('element', PAPER_ELEMENTS)
def test_every_element_of_the_paper_has_its_line(element: str) -> None:
    rows = [row for row in PAPER.read_text(encoding='utf-8').splitlines() if row.startswith('|')]
    assert any(element in row.split('|')[1] and PLACE.search(row) for row in rows)


def promises() -> list[str]:
    return re.findall(r'\*\*(.+?)\*\*', PROMPTS.read_text(encoding='utf-8'), flags=re.DOTALL)


@cache
def names_of_tests() -> frozenset[str]:
    files = (ROOT / 'test').rglob('test_*.py')
    return frozenset(
        name for file in files for name in re.findall(r'^def (test_\w+)', file.read_text(), flags=re.MULTILINE)
    )


@pytest.mark.parametrize('promise', promises())
def test_every_promise_about_prompts_is_the_name_of_a_test(promise: str) -> None:
    words = re.findall(r'\w+', promise.lower())
    assert '_'.join(['test', *words]) in names_of_tests()

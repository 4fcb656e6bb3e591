"""Who may import whom, and what no file may contain."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

ROOT = Path(__file__).resolve().parents[1]
ROS = frozenset({
    'ament_index_python', 'builtin_interfaces', 'cv_bridge', 'diagnostic_msgs', 'geometry_msgs', 'launch', 'launch_ros',
    'lifecycle_msgs', 'rcl_interfaces', 'rclpy', 'sam2s_msgs', 'sensor_msgs', 'std_msgs', 'std_srvs', 'vision_msgs',
})  # fmt: skip
MODEL_PARTS_FOR_ROS = ('sam2s_model.data', 'sam2s_model.evaluation', 'sam2s_model.phantom')
PLAIN_DATA = ('sam2s_model/masklet.py', 'sam2s_model/prompt.py')
DOORS_FOR_EVALUATION = (
    'sam2s_model.build',
    'sam2s_model.data',
    'sam2s_model.evaluation',
    'sam2s_model.masklet',
    'sam2s_model.memory_settings',
    'sam2s_model.peers',
    'sam2s_model.phantom',
    'sam2s_model.prompt',
    'sam2s_model.tracker',
)
AROUND_THE_CORE = frozenset({'benchmark', 'data', 'evaluation', 'peers', 'phantom', 'training'})
OPTIONAL = (
    'accelerate',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'open_clip',
    'tensorboard',
    'torch.utils.tensorboard',
    'transformers',
)
REFUSED_NAMES = {'base', 'common', 'helpers', 'manager', 'misc', 'utils'}
LONGEST_FILE = 400
MACHINE_PATH = re.compile(r'(?<![\w.~}])/(?:work|root|home|Users|tmp)/\w+')


@dataclass(frozen=True)
class Import:
    """One imported module by its full name; `names` is what a `from` takes out of it."""

    module: str
    names: tuple[str, ...]
    on_load: bool

    def reaches(self, package: str) -> bool:
        """Whether `package` or a part of it is imported, as a module or as a name of its parent."""
        modules = [self.module, *(f'{self.module}.{name}' for name in self.names)]
        return any(module == package or module.startswith(f'{package}.') for module in modules)


def imports_of(path: Path) -> list[Import]:
    tree = ast.parse(path.read_text())
    inside_functions = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        on_load = id(node) not in inside_functions
        if isinstance(node, ast.Import):
            found += [Import(alias.name, (), on_load) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(Import(full_name(node, path), tuple(alias.name for alias in node.names), on_load))
    return found


def full_name(node: ast.ImportFrom, path: Path) -> str:
    package = path.relative_to(ROOT).parent.parts
    parents = package[: len(package) - node.level + 1] if node.level else ()
    return '.'.join((*parents, *([node.module] if node.module else [])))


def modules(*folders: str, without: frozenset[str] = frozenset()) -> list[ParameterSet]:
    """The Python files below `folders`, as test parameters named by their path."""
    files = sorted(path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob('*.py'))
    return [pytest.param(ROOT / path, id=str(path)) for path in files if not without & set(path.parts)]


def tracked_files() -> list[Path]:
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip('not a git checkout')
    return [ROOT / name for name in listed.stdout.split('\0') if name and (ROOT / name).is_file()]


def broken(path: Path, *forbidden: str, on_load_only: bool = False) -> list[str]:
    return sorted(
        found.module
        for found in imports_of(path)
        if (found.on_load or not on_load_only) and any(found.reaches(package) for package in forbidden)
    )


def past_the_doors(path: Path, doors: tuple[str, ...]) -> list[str]:
    """What is taken from the model that neither lies behind one of `doors` nor is a name that `sam2s_model` exports."""
    found = imports_of(path)
    modules = [i.module for i in found if i.module.startswith('sam2s_model.') and not any(map(i.reaches, doors))]
    names = {f'sam2s_model.{name}' for i in found if i.module == 'sam2s_model' for name in i.names}
    return modules + sorted(names - set(doors) - exported_names())


def exported_names() -> set[str]:
    for node in ast.parse((ROOT / 'sam2s_model' / '__init__.py').read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            return {f'sam2s_model.{name}' for name in ast.literal_eval(node.value)}
    raise AssertionError('sam2s_model/__init__.py has no __all__')


@pytest.mark.parametrize('path', modules('sam2s_model'))
def test_the_model_knows_no_ros(path: Path) -> None:
    assert not broken(path, *ROS, 'sam2s_ros')


@pytest.mark.parametrize('path', modules('sam2s_ros'))
def test_ros_code_handles_no_tensors(path: Path) -> None:
    assert not broken(path, 'torch', 'sam2s_model.training')


@pytest.mark.parametrize('path', modules('sam2s_ros'))
def test_ros_code_enters_the_model_by_the_front_door(path: Path) -> None:
    assert not past_the_doors(path, MODEL_PARTS_FOR_ROS)


@pytest.mark.parametrize('name', PLAIN_DATA)
def test_plain_data_imports_nothing_of_ours(name: str) -> None:
    assert not broken(ROOT / name, 'torch', 'sam2s_model', 'sam2s_ros')


@pytest.mark.parametrize('path', modules('sam2s_model', without=AROUND_THE_CORE))
def test_the_model_core_knows_neither_training_nor_evaluation(path: Path) -> None:
    assert not broken(path, 'sam2s_model.training', 'sam2s_model.evaluation')


@pytest.mark.parametrize('path', modules('sam2s_model/evaluation'))
def test_evaluation_measures_the_tracker_that_is_deployed(path: Path) -> None:
    assert not past_the_doors(path, DOORS_FOR_EVALUATION)


@pytest.mark.parametrize('path', modules('sam2s_model/data', 'sam2s_model/evaluation', 'sam2s_model/phantom'))
def test_measuring_and_drawing_need_no_torch(path: Path) -> None:
    assert not broken(path, 'torch', 'sam2s_model.training')


@pytest.mark.parametrize('path', modules('sam2s_model', 'sam2s_ros'))
def test_optional_packages_are_imported_where_they_are_used(path: Path) -> None:
    assert not broken(path, *OPTIONAL, on_load_only=True)


@pytest.mark.parametrize('path', modules('sam2s_model', 'sam2s_ros', 'test', 'launch', 'config'))
def test_files_are_short_and_named_after_something(path: Path) -> None:
    assert path.stem not in REFUSED_NAMES
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_no_file_names_a_place_on_one_machine() -> None:
    found = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f'{path.relative_to(ROOT)}: {place}' for place in MACHINE_PATH.findall(text)]
    assert not found


def test_one_version_is_named_everywhere() -> None:
    versions = {
        name: re.findall(pattern, (ROOT / name).read_text())
        for name, pattern in {
            'package.xml': '<version>(.+)</version>',
            'sam2s_msgs/package.xml': '<version>(.+)</version>',
            'setup.py': "version='(.+)'",
        }.items()
    }
    assert len({tuple(found) for found in versions.values()}) == 1, versions

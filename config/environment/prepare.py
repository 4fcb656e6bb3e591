"""Make the checkout ready to run: a virtual environment in .venv and both packages built in .setup.

Called by every target of the Makefile. What is ready already is recognised by a hash of everything it was made from,
and left alone. Needs nothing but the standard library, and speaks only when there is something to do.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from progress import SetupProblem, run_quietly
from ros_wheels import repair_cmake_paths
from stage import Stage, hash_of
from system_needs import check_system, sourced_ros

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).resolve().parent / 'requirements'
CMAKE_REPAIR = Path(__file__).resolve().parent / 'ros_wheels.py'
VENV = ROOT / '.venv'
SETUP = ROOT / '.setup'
# By the interpreter of .venv, since the scripts it installs will run under the one that runs it.
RUN_COLCON = 'import sys; from colcon_core.command import main; sys.exit(main())'
WHEELS = ('model.txt', 'arrays.txt', 'ros_jazzy.txt', 'checks.txt')
WHEELS_BESIDE_ROS = ('model.txt', 'arrays_system_ros.txt', 'checks.txt')
# Installed only for the target that needs it. What a `_source` file names is installed without its own dependencies.
EXTRAS = {
    'reference': ('reference.txt', 'reference_source.txt'),
    'training': ('training.txt', 'training_source.txt'),
    'semantics': ('semantics.txt', 'semantics_source.txt'),
}


def main(arguments: list[str]) -> int:
    """Prepare what all targets need, and the extras that `arguments` name."""
    SETUP.mkdir(exist_ok=True)
    try:
        with (SETUP / 'lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            prepare(arguments)
    except SetupProblem as problem:
        print(f'set-up: {problem}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nset-up: interrupted; the next run continues', file=sys.stderr)
        return 130
    return 0


def prepare(extras: list[str]) -> None:
    """Bring every stage that is not ready up to date."""
    ros = sourced_ros()
    environment = environment_stage(ros)
    overlay = overlay_stage(environment)
    if not (environment.is_ready() and overlay.is_ready()):
        check_system(ros)
    if not environment.is_ready():
        build_environment(environment, ros)
    if not overlay.is_ready():
        build_overlay(overlay, ros)
    for name in extras:
        install_extra(name, extra_stage(name, environment))


def environment_stage(ros: str | None) -> Stage:
    """Python and ROS are what .venv stands on; other requirements can be installed into the one that exists."""
    requirements = [REQUIREMENTS / name for name in (*wheel_files(ros), 'constraints.txt')]
    return Stage(
        stamp=VENV / 'ready',
        foundation=hash_of([CMAKE_REPAIR], str(ROOT), sys.version, sys.base_prefix, str(ros)),
        content=hash_of(requirements),
    )


def overlay_stage(environment: Stage) -> Stage:
    """Other messages, or another ROS under them, mean a build from nothing; sam2s_ros itself is only linked."""
    messages = [path for path in (ROOT / 'sam2s_msgs').rglob('*') if path.is_file()]
    linked_with = [REQUIREMENTS / name for name in ('arrays.txt', 'arrays_system_ros.txt', 'ros_jazzy.txt')]
    installed = (path for folder in ('launch', 'config', 'sam2s_model/weights') for path in (ROOT / folder).rglob('*'))
    names = sorted(str(path.relative_to(ROOT)) for path in installed if 'environment' not in path.parts)
    return Stage(
        stamp=SETUP / 'install' / 'ready',
        foundation=hash_of(messages + linked_with, environment.foundation),
        content=hash_of([ROOT / name for name in ('package.xml', 'setup.py', 'setup.cfg')], *names),
    )


def extra_stage(name: str, environment: Stage) -> Stage:
    return Stage(
        stamp=VENV / f'{name}_ready',
        foundation=environment.foundation,
        content=hash_of([REQUIREMENTS / file for file in EXTRAS[name]]),
    )


def wheel_files(ros: str | None) -> tuple[str, ...]:
    return WHEELS if ros is None else WHEELS_BESIDE_ROS


def build_environment(stage: Stage, ros: str | None) -> None:
    """Create .venv unless a finished one stands on the same Python and ROS, then install the pinned wheels."""
    if not stage.can_be_updated():
        shutil.rmtree(VENV, ignore_errors=True)
        create = [sys.executable, '-m', 'venv', str(VENV)]
        source = 'the ROS wheels' if ros is None else f'ROS 2 {ros}'
        title = f'Create .venv with Python {sys.version_info.major}.{sys.version_info.minor} beside {source}'
        run_quietly(title, create + (['--system-site-packages'] if ros else []), SETUP / 'venv.log', ROOT, os.environ)
    stage.begin()
    files = [argument for name in wheel_files(ros) for argument in ('-r', str(REQUIREMENTS / name))]
    pip_install('Install the pinned packages (the first time 1 to 4 minutes, 2 GB)', files, os.environ)
    if ros is None:
        repair_cmake_paths(VENV)
    (VENV / 'COLCON_IGNORE').touch()
    stage.finish()


def forget_removed_files(build: Path) -> None:
    """Delete links to files that the checkout no longer has: colcon leaves them, and setuptools trips over them."""
    for folder, _, names in os.walk(build):
        for path in (Path(folder, name) for name in names):
            if path.is_symlink() and not path.exists():
                path.unlink()


def build_overlay(stage: Stage, ros: str | None) -> None:
    """Build sam2s_msgs, and link sam2s_ros so that an edited Python file needs no build."""
    if not stage.can_be_updated():
        for folder in ('build', 'install'):
            shutil.rmtree(SETUP / folder, ignore_errors=True)
    stage.begin()
    forget_removed_files(SETUP / 'build' / 'sam2s_ros')
    command = [str(VENV / 'bin' / 'python'), '-c', RUN_COLCON, '--log-base', str(SETUP / 'log'), 'build']
    command += ['--build-base', str(SETUP / 'build'), '--install-base', str(SETUP / 'install'), '--symlink-install']
    command += [
        '--base-paths',
        '.',
        'sam2s_msgs',
        '--cmake-args',
        f'-DPython3_EXECUTABLE={VENV / "bin" / "python"}',
        '-DBUILD_TESTING=OFF',
        '-Wno-dev',
    ]
    title = 'Build sam2s_msgs and sam2s_ros (half a minute)'
    run_quietly(title, command, SETUP / 'build.log', ROOT, build_variables(ros))
    stage.finish()


def install_extra(name: str, stage: Stage) -> None:
    """Install an extra; a source package may import torch while it is built, so it builds inside .venv."""
    if stage.is_ready():
        return
    stage.begin()
    packages, source = EXTRAS[name]
    pip_install(f'Install the {name} extra', ['-r', str(REQUIREMENTS / packages)], os.environ)
    alone = ['--no-deps', '--no-build-isolation', '-r', str(REQUIREMENTS / source)]
    pip_install(f'Install the rest of the {name} extra', alone, {**os.environ, 'SAM2_BUILD_CUDA': '0'})
    stage.finish()


def pip_install(title: str, arguments: list[str], variables: Mapping[str, str]) -> None:
    command = [str(VENV / 'bin' / 'python'), '-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '-q']
    command += ['-c', str(REQUIREMENTS / 'constraints.txt'), *arguments]
    run_quietly(title, command, SETUP / 'pip.log', ROOT, variables)


def build_variables(ros: str | None) -> dict[str, str]:
    """The variables under which CMake finds the ROS packages, without those of the make that called us."""
    variables = {name: value for name, value in os.environ.items() if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    variables['PATH'] = f'{VENV / "bin"}{os.pathsep}{variables["PATH"]}'
    if ros is None:
        variables.update(AMENT_PREFIX_PATH=str(VENV), CMAKE_PREFIX_PATH=str(VENV))
    return variables


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""An error in a callback is logged and does not leave it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from sam2s_ros.callback_guard import guarded


def test_an_error_is_logged_with_its_place_and_ends_there() -> None:
    log: list[str] = []
    node = SimpleNamespace(get_logger=lambda: SimpleNamespace(error=lambda text, **_: log.append(text)))

    def on_image(message: str) -> None:
        raise RuntimeError(f'cannot read {message}')

    guarded(node, on_image)('image 7')  # type: ignore[arg-type]
    assert log[0].startswith('on_image failed:')
    assert 'cannot read image 7' in log[0]


def test_without_an_error_the_callback_is_simply_called() -> None:
    seen: list[str] = []
    guarded(SimpleNamespace(), seen.append)('image 7')  # type: ignore[arg-type]
    assert seen == ['image 7']

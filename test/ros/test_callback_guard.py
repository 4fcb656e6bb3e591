"""An error in a callback is logged and does not leave it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from sam2s_msgs.srv import AddPrompts
from sam2s_ros.callback_guard import guarded, guarded_service
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.prompt_codes import PromptCode


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


def test_a_service_that_fails_answers_so_and_it_is_counted() -> None:
    events = EventLog()
    node = SimpleNamespace(get_logger=lambda: SimpleNamespace(error=lambda text, **_: None), events=events)

    def add_prompts(request: AddPrompts.Request, response: AddPrompts.Response) -> AddPrompts.Response:
        response.success = True
        raise RuntimeError('half done')

    answer = guarded_service(node, add_prompts)(AddPrompts.Request(), AddPrompts.Response())  # type: ignore[arg-type]
    assert (answer.success, answer.code) == (False, PromptCode.INTERNAL)
    assert answer.message == 'an error of ours, see the log: RuntimeError: half done'
    assert events.count(EventCode.CALLBACK_FAILED) == 1

"""docs/interface.md says what the running node offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from interface_reference import PAGE, reference

from sam2s_ros.output_topics import has_vision_msgs

pytestmark = pytest.mark.ros


@pytest.mark.skipif(has_vision_msgs(), reason='vision_msgs is installed: the node has more topics than the page lists')
def test_the_reference_is_that_of_the_running_node(start_tracker: Callable[..., Any]) -> None:
    assert PAGE.read_text(encoding='utf-8') == reference(start_tracker().node), 'run `make interface`'

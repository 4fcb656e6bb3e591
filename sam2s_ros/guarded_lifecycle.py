"""A lifecycle node whose transitions can neither be called wrongly nor fail without a word.

What rclpy leaves open: a transition that is not possible in the present state ends `spin`, an exception in a
transition vanishes, and a long transition keeps the services of its group waiting.
"""

from __future__ import annotations

import threading
import traceback
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from sam2s_ros.event_publisher import EventPublisher
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.health import NodeState

LABELS = {
    Transition.TRANSITION_CONFIGURE: 'configure',
    Transition.TRANSITION_CLEANUP: 'cleanup',
    Transition.TRANSITION_ACTIVATE: 'activate',
    Transition.TRANSITION_DEACTIVATE: 'deactivate',
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: 'shutdown',
    Transition.TRANSITION_INACTIVE_SHUTDOWN: 'shutdown',
    Transition.TRANSITION_ACTIVE_SHUTDOWN: 'shutdown',
}


class StateLost(RuntimeError):
    """A transition cannot be finished, nor can the node stay in the state it was in; the message says why."""


class GuardedLifecycleNode(LifecycleNodeMixin, Node):  # type: ignore[misc]
    """Runs `configure`, `activate`, `deactivate` and `cleanup`, each from the states in which it is possible.

    ValueError and OSError mean that somebody has to correct something: the node stays in the state it was in, as if
    nothing had been asked. With any other exception the state is not known; all is given back and the node is
    unconfigured.
    """

    def __init__(self, name: str, **options: Any) -> None:
        Node.__init__(self, name, **options)
        # Reentrant, so that the state can be asked for while a model loads. Transitions exclude each other by the lock.
        LifecycleNodeMixin.__init__(self, callback_group=ReentrantCallbackGroup())
        self._service_change_state.callback = self._answer_change_state
        self._transition_lock = threading.Lock()
        self.events = EventLog(EventPublisher(self).publish)
        self.last_failure = ''

    @abstractmethod
    def configure(self) -> None:
        """Get everything ready; on an exception give all of it back."""

    @abstractmethod
    def activate(self) -> None:
        """Begin to work."""

    @abstractmethod
    def deactivate(self) -> None:
        """End the work in hand."""

    @abstractmethod
    def cleanup(self) -> None:
        """Give everything back, whatever state it is in."""

    @property
    def state(self) -> NodeState:
        """State of the lifecycle."""
        return NodeState.of(self._state_machine.current_state[0])

    def change_state(self, label: str, wait_s: float = 0.0) -> bool:
        """Run a transition: configure, activate, deactivate, cleanup or shutdown; whether it succeeded.

        ``wait_s`` is how long to wait for the end of another one.
        """
        if not self._transition_lock.acquire(timeout=wait_s):
            return self._refuse(label, 'another transition is under way')
        try:
            possible = {entry[1] for entry in self._state_machine.available_transitions}
            if label not in possible:
                return self._refuse(label, f'possible are {", ".join(sorted(possible)) or "none"}')
            before = self.state
            self.last_failure = ''
            succeeded = bool(getattr(self, f'trigger_{label}')() == TransitionCallbackReturn.SUCCESS)
        finally:
            self._transition_lock.release()
        if self.state != before:
            self.events.emit(EventCode.STATE_CHANGED, f'{before.name.lower()} → {self.state.name.lower()}')
        return succeeded

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run('configure', self.configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run('activate', self.activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run('deactivate', self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run('clean up', self.cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._run('shut down', self.cleanup)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, so that the node can be configured again."""
        return self._run('give everything back', self.cleanup)

    def _run(self, name: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            work()
        except (ValueError, OSError) as error:
            self._fail(f'cannot {name}: {error}')
            return TransitionCallbackReturn.FAILURE
        except StateLost as error:
            self._fail(f'cannot {name}, and gives everything back: {error}')
            return TransitionCallbackReturn.ERROR
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self._fail(f'cannot {name}, and gives everything back: {type(error).__name__}: {error}')
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _fail(self, reason: str) -> None:
        self.last_failure = reason
        self.events.emit(EventCode.TRANSITION_FAILED, ' '.join(reason.split()))

    def _refuse(self, label: str, reason: str) -> bool:
        self.get_logger().warning(f'cannot {label} while {self.state.name.lower()}: {reason}')
        return False

    def _answer_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        label = request.transition.label or LABELS.get(request.transition.id, '')
        if not label:
            self._refuse(f'run transition {request.transition.id}', 'there is no such transition')
        response.success = bool(label) and self.change_state(label)
        return response

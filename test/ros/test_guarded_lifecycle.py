"""Every transition from every state, over the real services: what it does, what it refuses, and what it survives."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from lifecycle_msgs.msg import Transition
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import TrackerStatus, TrackEvent
from sam2s_ros.parameters import ModelParameters

pytestmark = pytest.mark.ros

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
WAYS = {'unconfigured': (), 'inactive': (CONFIGURE,), 'active': (CONFIGURE, ACTIVATE)}
WAYS_BACK = {'unconfigured': (), 'inactive': (CLEANUP,), 'active': (DEACTIVATE, CLEANUP)}
GOALS = {
    ('unconfigured', CONFIGURE): 'inactive',
    ('inactive', CLEANUP): 'unconfigured',
    ('inactive', ACTIVATE): 'active',
    ('active', DEACTIVATE): 'inactive',
}
NO_TRANSITIONS = (
    Transition.TRANSITION_CREATE,
    Transition.TRANSITION_DESTROY,
    Transition.TRANSITION_ON_CONFIGURE_SUCCESS,
    Transition.TRANSITION_ON_ACTIVATE_FAILURE,
    Transition.TRANSITION_ON_ERROR_SUCCESS,
    Transition.TRANSITION_CALLBACK_SUCCESS,
    200,
)
SHUTDOWNS = {
    'unconfigured': Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    'inactive': Transition.TRANSITION_INACTIVE_SHUTDOWN,
    'active': Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class Bank:
    """Lends trackers, or whatever a test wants to happen when a model is loaded."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.loads: list[ModelParameters] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fault: Callable[[], None] = lambda: None

    def __call__(self, model: ModelParameters) -> Any:
        self.loads.append(model)
        assert self.gate.wait(20.0)
        self.fault()
        return self.make()


@pytest.fixture
def bank(blob_tracker: Any) -> Bank:
    return Bank(type(blob_tracker))


@pytest.fixture
def tracker(ros_domain: int, bank: Bank) -> Iterator[TrackerInProcess]:
    tracker = TrackerInProcess(ros_domain, bank)
    yield tracker
    tracker.close()


def test_fault_41_every_transition_from_every_state_twice_around(tracker: TrackerInProcess) -> None:
    for _ in range(2):
        for state, way in WAYS.items():
            for number in (CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE, *NO_TRANSITIONS):
                for step in way:
                    assert tracker.request(step)
                goal = GOALS.get((state, number), state)
                assert tracker.request(number) == ((state, number) in GOALS), (state, number)
                assert tracker.state() == goal, (state, number)
                for step in WAYS_BACK[goal]:
                    assert tracker.request(step)
    assert tracker.is_spinning


@pytest.mark.parametrize('state', list(WAYS))
def test_a_shutdown_from_any_state_is_final(tracker: TrackerInProcess, state: str) -> None:
    for step in WAYS[state]:
        assert tracker.request(step)
    assert tracker.request(SHUTDOWNS[state])
    assert tracker.state() == 'finalized'
    for number in (CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE, *SHUTDOWNS.values(), *NO_TRANSITIONS):
        assert not tracker.request(number)
    assert tracker.state() == 'finalized'
    assert tracker.wait_for_status(lambda status: status.state == TrackerStatus.FINALIZED).beat > 0


def test_transitions_have_labels_and_nonsense_is_refused(tracker: TrackerInProcess) -> None:
    assert tracker.request(label='configure')
    for label in ('configure', 'transition_success', 'nonsense'):
        assert not tracker.request(label=label)
    assert tracker.request(label='shutdown')


def test_a_configuration_that_fails_leaves_the_node_unconfigured_and_a_corrected_one_works(
    tracker: TrackerInProcess, bank: Bank
) -> None:
    def fault() -> None:
        if bank.loads[-1].checkpoint == '/missing':
            raise FileNotFoundError('/missing: there is no such file')

    bank.fault = fault
    assert tracker.set(model__checkpoint='/missing').successful
    assert not tracker.request(CONFIGURE)
    assert tracker.state() == 'unconfigured'
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.TRANSITION_FAILED)))
    assert tracker.told(TrackEvent.TRANSITION_FAILED) == ['cannot configure: /missing: there is no such file']
    assert tracker.set(model__checkpoint='/found').successful
    assert tracker.request(CONFIGURE) and tracker.request(ACTIVATE)
    assert [model.checkpoint for model in bank.loads] == ['/missing', '/found']


def test_after_a_cleanup_another_checkpoint_can_be_configured(tracker: TrackerInProcess, bank: Bank) -> None:
    for step in (CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP):
        assert tracker.request(step)
    assert tracker.set(model__checkpoint='/other').successful
    assert tracker.request(CONFIGURE)
    assert [model.checkpoint for model in bank.loads] == ['', '/other']


def test_what_is_loaded_is_not_searched_for_garbage_until_it_is_given_back(tracker: TrackerInProcess) -> None:
    gc.unfreeze()
    assert tracker.request(CONFIGURE)
    assert gc.get_freeze_count() > 0
    assert tracker.request(CLEANUP)
    assert gc.get_freeze_count() == 0


def test_fault_41_an_unexpected_error_gives_everything_back(tracker: TrackerInProcess, bank: Bank) -> None:
    def fault() -> None:
        raise RuntimeError('out of luck')

    bank.fault = fault
    assert not tracker.request(CONFIGURE)
    assert tracker.state() == 'unconfigured'
    bank.fault = lambda: None
    assert tracker.request(CONFIGURE)


def test_while_a_model_loads_the_state_can_be_asked_for_and_other_transitions_are_refused(
    tracker: TrackerInProcess, bank: Bank
) -> None:
    bank.gate.clear()
    configuring = threading.Thread(target=tracker.node.change_state, args=('configure',))
    configuring.start()
    tracker.wait_until(lambda: bool(bank.loads))
    assert tracker.state() == 'configuring'
    assert tracker.wait_for_status(lambda status: status.state == TrackerStatus.IN_TRANSITION)
    for number in (CONFIGURE, ACTIVATE, SHUTDOWNS['unconfigured'], Transition.TRANSITION_ON_CONFIGURE_SUCCESS):
        assert not tracker.request(number)
    bank.gate.set()
    configuring.join(20.0)
    assert tracker.state() == 'inactive'


def test_autostart_brings_the_node_up_by_itself(ros_domain: int, bank: Bank) -> None:
    tracker = TrackerInProcess(ros_domain, bank, autostart=True)
    try:
        tracker.wait_for_status(lambda status: status.state == TrackerStatus.ACTIVE)
    finally:
        tracker.close()


def test_an_autostart_that_fails_leaves_a_node_that_can_be_configured(ros_domain: int, bank: Bank) -> None:
    def fault() -> None:
        raise ValueError('no such device')

    bank.fault = fault
    tracker = TrackerInProcess(ros_domain, bank, autostart=True)
    try:
        status = tracker.wait_for_status(lambda status: status.errors > 0)
        assert (status.state, status.last_error) == (TrackerStatus.UNCONFIGURED, 'cannot configure: no such device')
        bank.fault = lambda: None
        assert tracker.request(CONFIGURE) and tracker.request(ACTIVATE)
    finally:
        tracker.close()

"""The node's parameters as one set that changes as a whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from sam2s_ros.parameter_rules import check_together, checked_value
from sam2s_ros.parameters import FIELDS, GROUPS, BadParameter, NamedField, Parameters, parameters_from, values_of

READ_ONCE = ('autostart',)


class ParameterStore:
    """Declares all parameters of the node and answers who wants to change them.

    Args:
        node: Its owner.
        is_configured: Whether only live parameters may change.
        refusal: Why a set cannot be used at present, though it is valid; empty when it can.
        on_change: Called with the new set and the names of what changed.

    Raises:
        BadParameter: What launch file or command line set has a wrong type, is out of range, none of the choices or
            does not fit together, or a name is unknown.
    """

    def __init__(
        self,
        node: Node,
        is_configured: Callable[[], bool],
        refusal: Callable[[Parameters], str],
        on_change: Callable[[Parameters, Sequence[str]], None],
    ) -> None:
        self._node = node
        self._is_configured = is_configured
        self._refusal = refusal
        self._on_change = on_change
        self._lock = threading.Lock()
        values = {name: _declare(node, named) for name, named in FIELDS.items()}
        _refuse_unknown_names(node)
        self._current = parameters_from(values)
        check_together(self._current)
        node.add_on_set_parameters_callback(self._judge)
        self._adopts_later = hasattr(node, 'add_post_set_parameters_callback')  # not before ROS 2 Iron
        if self._adopts_later:
            node.add_post_set_parameters_callback(self._adopt)

    @property
    def current(self) -> Parameters:
        return self._current

    def _judge(self, changes: Sequence[Parameter]) -> SetParametersResult:
        """Whether all changes together can be made; changes nothing, since another callback may still refuse."""
        try:
            self._changed_by(changes)
        except BadParameter as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not self._adopts_later:
            self._adopt(changes)
        return SetParametersResult(successful=True)

    def _changed_by(self, changes: Sequence[Parameter]) -> Parameters:
        before = values_of(self._current)
        given = {change.name: change.value for change in changes if change.name in FIELDS}
        values = before | {name: checked_value(FIELDS[name], value) for name, value in given.items()}
        self._refuse_fixed([name for name in given if values[name] != before[name]])
        parameters = parameters_from(values)
        check_together(parameters)
        if reason := self._refusal(parameters):
            raise BadParameter(reason)
        return parameters

    def _refuse_fixed(self, changed: Sequence[str]) -> None:
        if not self._is_configured():
            return
        fixed = [name for name in changed if not FIELDS[name].is_live]
        if fixed:
            raise BadParameter(
                f'{", ".join(fixed)}: can change only while the node is unconfigured; '
                f'run `ros2 lifecycle set {self._node.get_fully_qualified_name()} deactivate` and `… cleanup` first'
            )

    def _adopt(self, changes: Sequence[Parameter]) -> None:
        with self._lock:
            before, self._current = self._current, self._changed_by(changes)
            old, new = values_of(before), values_of(self._current)
            changed = [name for name in FIELDS if old[name] != new[name]]
        if changed:
            self._on_change(self._current, changed)


def _declare(node: Node, named: NamedField) -> Any:
    try:
        given = node.declare_parameter(named.name, named.default, _descriptor(named)).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise BadParameter(f'{named.name}: {error}') from error
    return checked_value(named, given)


def _descriptor(named: NamedField) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=named.description, read_only=named.name in READ_ONCE)
    notes = [f'one of {", ".join(named.choices)}'] if named.choices else []
    if not named.is_live:
        notes.append('read at the start' if descriptor.read_only else 'can change only while the node is unconfigured')
    descriptor.additional_constraints = '; '.join(notes)
    is_real = isinstance(named.default, float)
    if named.limits and is_real:
        descriptor.floating_point_range = [FloatingPointRange(from_value=named.limits[0], to_value=named.limits[1])]
    elif named.limits:
        low, high = map(int, named.limits)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    descriptor.dynamic_typing = True  # our own check of types names the parameter, and takes 1 for 1.0
    return descriptor


def _refuse_unknown_names(node: Node) -> None:
    # rclpy ignores names that nobody declares, so that a misspelt one would go unnoticed. Names outside our groups are
    # let pass: a parameter file is often shared by many nodes.
    groups = tuple(f'{group}.' for group in GROUPS)
    given = getattr(node, '_parameter_overrides', {})
    unknown = [name for name in given if name.startswith(groups) and not node.has_parameter(name)]
    if unknown:
        raise BadParameter(f'unknown parameter {", ".join(sorted(unknown))}; see config/tracker.yaml for the names')

"""Object ids are for ever, slots for an object's life and not used again at once."""

from __future__ import annotations

import pytest

from sam2s_ros.object_registry import SLOTS, BadObjectId, ObjectRegistry, check_object_id


def test_slots_begin_at_one_and_stay_when_others_go() -> None:
    registry = ObjectRegistry()
    slots = [registry.add(object_id, '').slot for object_id in 'abc']
    registry.remove('b')
    assert slots == [1, 2, 3]
    assert (registry['a'].slot, registry['c'].slot) == (1, 3)


def test_a_freed_slot_waits_until_all_others_were_used() -> None:
    registry = ObjectRegistry()
    registry.add('first', '')
    registry.remove('first')
    later = [registry.add(str(number), '').slot for number in range(SLOTS - 1)]
    assert 1 not in later
    assert registry.add('last', '').slot == 1


def test_slots_fit_into_eight_bits_beside_background_and_unlabelled() -> None:
    registry = ObjectRegistry()
    slots = {registry.add(str(number), '').slot for number in range(SLOTS)}
    assert slots == set(range(1, 255))


def test_relabelling_keeps_the_slot() -> None:
    registry = ObjectRegistry()
    registry.add('a', 'grasper')
    assert registry.relabel('a', 'hook').slot == registry['a'].slot == 1
    assert registry['a'].label == 'hook'


def test_chosen_ids_avoid_those_in_use_and_never_come_again() -> None:
    registry = ObjectRegistry()
    registry.add('1', '')
    assert registry.choose_id(frozenset({'2'})) == '3'
    registry.clear()
    assert registry.choose_id() == '4'


def test_clear_forgets_every_object() -> None:
    registry = ObjectRegistry()
    registry.add('a', '')
    registry.clear()
    assert registry.object_ids == ()
    assert 'a' not in registry


@pytest.mark.parametrize('object_id', ['1', 'left grasper', 'Fasszange-größer', 'psm1/tip', 'a' * 64])
def test_printable_ids_are_accepted(object_id: str) -> None:
    check_object_id(object_id)


@pytest.mark.parametrize('object_id', ['', ' a', 'a ', 'a\nb', 'a\0', '\x1b[31m', 'a' * 65, 'a' * 10_000])
def test_ids_that_cannot_be_shown_are_refused(object_id: str) -> None:
    with pytest.raises(BadObjectId, match='1 to 64 printable'):
        check_object_id(object_id)

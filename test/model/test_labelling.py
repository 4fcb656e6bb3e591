"""A label follows the evidence of about ten frames, and says nothing while two classes are close."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sam2s_model.semantics import ClassEvidence
from sam2s_model.semantics.labelling import LEAST_MARGIN

NAMES = ('hook', 'snare', 'clamp')


def evidence(*frames: list[float]) -> ClassEvidence:
    first, *others = frames
    found = ClassEvidence.of(first)
    for logits in others:
        found = found.then(logits)
    return found


def test_the_likeliest_class_names_the_object() -> None:
    label = evidence([1.0, 3.0, 0.0]).label(NAMES)
    total = math.exp(1) + math.exp(3) + 1
    assert label.name == 'snare'
    assert label.probability == pytest.approx(math.exp(3) / total)
    assert label.margin == pytest.approx((math.exp(3) - math.exp(1)) / total)


@pytest.mark.parametrize(('lead', 'named'), [(-0.01, False), (0.01, True)])
def test_a_close_runner_up_leaves_the_object_without_a_name(lead: float, named: bool) -> None:
    margin = LEAST_MARGIN + lead
    logits = [math.log((1 + margin) / 2), math.log((1 - margin) / 2), -50.0]
    label = evidence(logits).label(NAMES)
    assert label.margin == pytest.approx(margin)
    assert (label.name == 'hook') is named


def test_large_logits_do_not_overflow() -> None:
    assert evidence([1e4, -1e4, 0.0]).label(NAMES).probability == 1


def test_a_single_class_has_no_runner_up() -> None:
    label = evidence([-3.0]).label(('hook',))
    assert (label.name, label.probability, label.margin) == ('hook', 1.0, 1.0)


def test_the_first_frames_count_alike() -> None:
    frames = [[float(i), 0.0, 1.0] for i in range(10)]
    np.testing.assert_allclose(evidence(*frames).logits, np.mean(frames, axis=0))


def test_one_odd_frame_among_many_changes_no_name() -> None:
    assert evidence(*[[2.0, 0.0, 0.0]] * 20, [0.0, 9.0, 0.0]).label(NAMES).name == 'hook'


def test_a_lasting_change_changes_the_name() -> None:
    assert evidence(*[[2.0, 0.0, 0.0]] * 200, *[[0.0, 2.0, 0.0]] * 20).label(NAMES).name == 'snare'

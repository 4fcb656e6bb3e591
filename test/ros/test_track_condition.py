"""What the model says of an object, image by image, becomes a state that a control loop can act on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sam2s_ros.track_condition import Observation, TrackCondition, after, frozen, prompted
from sam2s_ros.track_state import StateLimits, TrackState

FPS = 25
LIMITS = StateLimits(uncertain_score=0.6, confirm_after=0.2, lost_after=0.6, left_after=0.3, reprompt_after=2.0)
GOOD = Observation(stamp_ns=1, area=900, score=0.9, presence=0.95)
POOR = replace(GOOD, score=0.5)
NOTHING = replace(GOOD, area=0, score=0.1, presence=0.05)
NAN = replace(NOTHING, score=float('nan'), presence=float('nan'))

TENTATIVE, TRACKED, UNCERTAIN, OCCLUDED, LOST, FROZEN = TrackState


class Film:
    """Follows one object through images of 1/25 s."""

    def __init__(self, fps: float = FPS) -> None:
        self.fps = fps
        self.now = 0.0
        self.condition: TrackCondition = prompted(stamp_ns=1)

    def show(self, seen: Observation, seconds: float = 0.0) -> list[TrackState]:
        """Show the same for so long, at least once; the state on each image."""
        states = []
        for _ in range(max(1, round(seconds * self.fps))):
            self.now += 1 / self.fps
            self.condition = after(self.condition, seen, self.now, LIMITS)
            states.append(self.condition.judgement.state)
        return states


@pytest.fixture
def film() -> Film:
    """An object that is tracked well."""
    film = Film()
    film.show(GOOD, 1.0)
    return film


def test_a_prompted_object_is_tentative_until_later_images_have_shown_it_for_a_while() -> None:
    film = Film()
    assert film.condition.judgement.state == TENTATIVE
    states = film.show(GOOD, 0.4)
    assert states == [TENTATIVE] * 5 + [TRACKED] * 5


@pytest.mark.parametrize(
    ('seen', 'state'),
    [
        (POOR, UNCERTAIN),
        (NOTHING, OCCLUDED),
        (replace(GOOD, presence=0.4), OCCLUDED),
        (replace(GOOD, area=0), OCCLUDED),
        (NAN, UNCERTAIN),
        (replace(GOOD, passing_doubt='jumped'), UNCERTAIN),
        (replace(GOOD, lasting_doubt='merged'), UNCERTAIN),
    ],
)
def test_one_bad_image_takes_the_mask_out_of_use_and_says_why(film: Film, seen: Observation, state: TrackState) -> None:
    assert film.show(seen) == [state]
    assert film.condition.judgement.reason


def test_trust_comes_back_only_after_an_unbroken_while(film: Film) -> None:
    film.show(POOR)
    assert film.show(GOOD, 0.24) == [UNCERTAIN] * 5 + [TRACKED]
    film.show(NOTHING)
    assert set(film.show(GOOD, 0.16) + film.show(NOTHING) + film.show(GOOD, 0.16)) == {UNCERTAIN, OCCLUDED}


def test_quality_must_pass_the_limit_clearly_to_be_good_again(film: Film) -> None:
    near = replace(GOOD, score=0.62)
    assert film.show(near, 0.4)[-1] == TRACKED
    film.show(POOR)
    assert film.show(near, 0.4)[-1] == UNCERTAIN
    assert film.condition.judgement.reason == 'predicted quality 0.62 is below 0.65'


@pytest.mark.parametrize('fps', [5, 25, 60])
def test_an_object_out_of_sight_is_lost_after_the_same_time_at_any_rate(fps: float) -> None:
    film = Film(fps)
    film.show(GOOD, 2.0)
    gone_at = film.now
    while film.show(NOTHING)[0] != LOST:
        pass
    assert LIMITS.lost_after <= film.now - gone_at <= LIMITS.lost_after + 2.01 / fps
    assert film.condition.judgement.needs_reprompt


def test_short_apparitions_do_not_put_off_the_loss(film: Film) -> None:
    states = [state for _ in range(6) for state in film.show(NOTHING, 0.12) + film.show(GOOD)]
    assert LOST in states and TRACKED not in states


def test_a_short_occlusion_is_no_loss(film: Film) -> None:
    assert set(film.show(NOTHING, 0.56)) == {OCCLUDED}
    assert film.show(GOOD, 0.4)[-1] == TRACKED


def test_a_lost_object_stays_lost_until_its_return_is_confirmed(film: Film) -> None:
    film.show(NOTHING, 3.0)
    assert film.show(GOOD, 0.24) == [LOST] * 5 + [TRACKED]
    assert film.condition.judgement.reason == ''
    assert not film.condition.judgement.needs_reprompt


def test_a_lost_object_that_returns_in_poor_quality_is_there_but_not_trusted(film: Film) -> None:
    film.show(NOTHING, 3.0)
    assert film.show(POOR, 0.24) == [LOST] * 5 + [UNCERTAIN]
    assert 'predicted quality' in film.condition.judgement.reason
    assert film.show(GOOD, 0.24) == [UNCERTAIN] * 5 + [TRACKED]


def test_a_lost_object_stays_lost_while_what_is_seen_may_be_another(film: Film) -> None:
    film.show(NOTHING, 3.0)
    assert set(film.show(replace(GOOD, passing_doubt='jumped'), 1.0)) == {LOST}


def test_single_misses_of_an_object_that_is_seen_poorly_do_not_add_up_to_a_loss(film: Film) -> None:
    states = [state for _ in range(6) for state in film.show(NOTHING) + film.show(POOR, 0.4)]
    assert set(states) == {OCCLUDED, UNCERTAIN}


def test_what_leaves_across_the_border_is_lost_sooner(film: Film) -> None:
    film.show(replace(GOOD, area=200, at_border=True), 0.12)
    states = film.show(NOTHING, 0.4)
    assert states.index(LOST) == 8
    assert 'left the image' in film.condition.judgement.reason


def test_what_always_touches_the_border_has_not_left_when_it_is_hidden(film: Film) -> None:
    film.show(replace(GOOD, at_border=True), 1.0)
    assert set(film.show(NOTHING, 0.56)) == {OCCLUDED}


def test_a_doubt_about_identity_lasts_until_somebody_prompts(film: Film) -> None:
    film.show(replace(GOOD, lasting_doubt="covers the same pixels as 'b'"))
    assert set(film.show(GOOD, 5.0)) == {UNCERTAIN}
    assert film.condition.judgement.needs_reprompt
    film.condition = prompted(stamp_ns=7)
    assert film.show(GOOD, 0.4)[-1] == TRACKED


def test_a_person_is_asked_when_a_doubt_lasts_two_seconds(film: Film) -> None:
    film.show(POOR, 1.9)
    assert not film.condition.judgement.needs_reprompt
    film.show(POOR, 0.2)
    assert film.condition.judgement.needs_reprompt


def test_while_memory_is_held_an_object_is_frozen_and_time_stands_still(film: Film) -> None:
    film.show(NOTHING, 0.4)
    for _ in range(100):
        film.condition = frozen(film.condition, 'the video is blank', seen=False, stamp_ns=5)
    assert film.condition.judgement.state == FROZEN
    assert film.condition.judgement.reason == 'the video is blank'
    assert film.show(NOTHING) == [OCCLUDED]


def test_after_a_freeze_trust_must_be_regained(film: Film) -> None:
    film.condition = frozen(film.condition, 'the video is blank', seen=False, stamp_ns=5)
    assert film.show(GOOD, 0.24) == [UNCERTAIN] * 5 + [TRACKED]


def test_a_lost_object_still_asks_for_a_prompt_while_frozen(film: Film) -> None:
    film.show(NOTHING, 1.0)
    condition = frozen(film.condition, 'the video is blank', seen=False, stamp_ns=5)
    assert condition.judgement.needs_reprompt

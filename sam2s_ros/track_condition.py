"""How far one object's mask can be trusted, from what the model said about it up to now.

Trust goes at once and comes back slowly: one bad image takes a mask out of use, and only an unbroken stretch of good
ones brings it back. So a mask that flickers is never acted on in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from sam2s_ros.track_state import Judgement, Sighting, StateLimits, TrackState, sighting_after

PRESENT = 0.5  # presence from which the model itself says that the object is in the image
REGAINED = 0.05  # by how much the predicted quality must pass the limit before it counts as good again
LEAVING = 0.3  # of its usual area that an object still shows at the image's border as it leaves
AREA_MEMORY = 0.1  # share of the newest area in the usual one


@dataclass(frozen=True)
class Observation:
    """What one image says about one object.

    Attributes:
        stamp_ns: Of the image.
        area: Pixels of the mask.
        score, presence: Predicted mask quality and probability of being in the image, in [0, 1].
        at_border: Whether the mask touches the image's border.
        passing_doubt: Why this may be another thing just now, for a person; else empty.
        lasting_doubt: Why it may be another object from now on; else empty.
    """

    stamp_ns: int
    area: int
    score: float
    presence: float
    at_border: bool = False
    passing_doubt: str = ''
    lasting_doubt: str = ''

    @property
    def is_number(self) -> bool:
        return math.isfinite(self.score) and math.isfinite(self.presence)

    @property
    def is_seen(self) -> bool:
        return self.area > 0 and self.presence >= PRESENT


@dataclass(frozen=True)
class TrackCondition:
    """All that the state of one object follows from. Moments are in seconds of the stream.

    Attributes:
        judgement: The state on the newest image.
        sighting: When it was seen.
        state: As in the judgement, but never FROZEN: what comes after the freeze begins from it.
        good_since: Since when every image has shown it well; None when the newest did not.
        seen_since: Since when every image has shown it, well or not; None when the newest did not.
        missed_since: When it was first not seen; a return ends it only once it is confirmed. None while it is there.
        doubted_since: Since when it is UNCERTAIN.
        usual_area: Running mean of the mask's pixels.
        is_leaving: Whether it was last seen as a rest at the image's border.
        lasting_doubt: Why it may be another object; only a prompt ends that.
    """

    judgement: Judgement
    sighting: Sighting
    state: TrackState = TrackState.TENTATIVE
    good_since: float | None = None
    seen_since: float | None = None
    missed_since: float | None = None
    doubted_since: float | None = None
    usual_area: float = 0.0
    is_leaving: bool = False
    lasting_doubt: str = ''


def prompted(stamp_ns: int) -> TrackCondition:
    """An object that a person has just pointed at, on the image of a stamp."""
    return TrackCondition(Judgement(TrackState.TENTATIVE, 'just prompted'), Sighting(last_seen_ns=stamp_ns))


def after(condition: TrackCondition, seen: Observation, now: float, limits: StateLimits) -> TrackCondition:
    """Follow one more image, taken at second ``now`` of the stream."""
    condition = _with_moments(condition, seen, now, limits)
    state, reason = _judge(condition, seen, now, limits)
    doubted_since = _since(condition.doubted_since, now) if state == TrackState.UNCERTAIN else None
    asks = (
        state == TrackState.LOST
        or bool(condition.lasting_doubt)
        or (doubted_since is not None and now - doubted_since >= limits.reprompt_after)
    )
    return replace(condition, judgement=Judgement(state, reason, asks), state=state, doubted_since=doubted_since)


def frozen(condition: TrackCondition, reason: str, seen: bool, stamp_ns: int) -> TrackCondition:
    """Let an image pass on which memory was held. Time stands still meanwhile; trust must be regained afterwards."""
    asks = condition.state == TrackState.LOST or bool(condition.lasting_doubt)
    return replace(
        condition,
        judgement=Judgement(TrackState.FROZEN, reason, asks),
        sighting=sighting_after(condition.sighting, seen, stamp_ns),
        good_since=None,
        seen_since=None,
        doubted_since=None,
    )


def doubted(condition: TrackCondition, reason: str) -> TrackCondition:
    """Something happened to the video. What is lost stays lost; all else must be seen well again to be trusted."""
    if condition.state == TrackState.LOST:
        return condition
    state, asks = TrackState.UNCERTAIN, condition.judgement.needs_reprompt
    judgement = Judgement(state, reason, asks)
    return replace(condition, judgement=judgement, state=state, good_since=None, seen_since=None, usual_area=0.0)


def _with_moments(condition: TrackCondition, seen: Observation, now: float, limits: StateLimits) -> TrackCondition:
    good_since = _since(condition.good_since, now) if not _flaw(condition, seen, limits) else None
    is_there = seen.is_number and seen.is_seen and not seen.passing_doubt
    seen_since = _since(condition.seen_since, now) if is_there else None
    missed_since = condition.missed_since
    if _has_lasted(seen_since, now, limits):
        missed_since = None
    elif seen.is_number and not seen.is_seen:
        missed_since = _since(missed_since, now)
    condition = replace(
        condition,
        sighting=sighting_after(condition.sighting, seen.is_seen, seen.stamp_ns),
        good_since=good_since,
        seen_since=seen_since,
        missed_since=missed_since,
        lasting_doubt=condition.lasting_doubt or seen.lasting_doubt,
    )
    return _with_area(condition, seen) if seen.is_seen else condition


def _with_area(condition: TrackCondition, seen: Observation) -> TrackCondition:
    usual = condition.usual_area + AREA_MEMORY * (seen.area - condition.usual_area)
    usual = usual if condition.usual_area else float(seen.area)
    return replace(condition, usual_area=usual, is_leaving=seen.at_border and seen.area < LEAVING * usual)


def _flaw(condition: TrackCondition, seen: Observation, limits: StateLimits) -> str:
    """Why the image does not show the object well; empty when it does."""
    if not seen.is_number:
        return 'the model returned no number'
    if not seen.is_seen:
        return f'not seen; presence {seen.presence:.2f}'
    if seen.passing_doubt:
        return seen.passing_doubt
    needed = limits.uncertain_score + (0.0 if condition.state == TrackState.TRACKED else REGAINED)
    if seen.score < min(needed, 1.0):
        return f'predicted quality {seen.score:.2f} is below {needed:.2f}'
    return ''


def _judge(condition: TrackCondition, seen: Observation, now: float, limits: StateLimits) -> tuple[TrackState, str]:
    """The state, and for a person why it is not TRACKED. ``condition.state`` is that of the image before."""
    flaw = _flaw(condition, seen, limits)
    if not seen.is_number:
        return TrackState.UNCERTAIN, flaw
    if not seen.is_seen:
        return _absent(condition, flaw, now, limits)
    good_for = 0.0 if condition.good_since is None else now - condition.good_since
    if condition.state == TrackState.LOST and not _has_lasted(condition.seen_since, now, limits):
        return TrackState.LOST, flaw or f'seen again for {good_for:.2f} s, not yet confirmed'
    if condition.lasting_doubt:
        return TrackState.UNCERTAIN, condition.lasting_doubt
    if flaw:
        return TrackState.UNCERTAIN, flaw
    if _has_lasted(condition.good_since, now, limits):
        return TrackState.TRACKED, ''
    if condition.state == TrackState.TENTATIVE:
        return TrackState.TENTATIVE, f'prompted and seen for {good_for:.2f} s, not yet confirmed'
    return TrackState.UNCERTAIN, f'seen well again for {good_for:.2f} s, not yet confirmed'


def _absent(condition: TrackCondition, flaw: str, now: float, limits: StateLimits) -> tuple[TrackState, str]:
    assert condition.missed_since is not None
    missed_for = now - condition.missed_since
    if condition.is_leaving and missed_for >= limits.left_after:
        return TrackState.LOST, f'left the image {missed_for:.1f} s ago'
    if condition.state == TrackState.LOST or missed_for >= limits.lost_after:
        return TrackState.LOST, f'not seen for {missed_for:.1f} s'
    return TrackState.OCCLUDED, flaw


def _has_lasted(since: float | None, now: float, limits: StateLimits) -> bool:
    return since is not None and now - since >= limits.confirm_after


def _since(moment: float | None, now: float) -> float:
    return now if moment is None else moment

"""Pure decisions about streamers, rooms and sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from livequal.kernel.errors import WrongState
from livequal.kernel.states import move
from livequal.onboarding import rules
from livequal.onboarding.rules import (
    Fault,
    RoomEntry,
    RoomState,
    SessionEntry,
    SessionPhase,
    StreamerEntry,
    StreamerState,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "stage_name", "faults"),
    [
        ("李云", "云朵", {}),
        ("", "云朵", {"name": Fault.MISSING}),
        ("李云", " \u3000", {"stage_name": Fault.MISSING}),
        ("李" * 61, "", {"name": Fault.TOO_LONG, "stage_name": Fault.MISSING}),
        ("李" * 60, "云" * 60, {}),
    ],
)
def test_a_streamer_needs_both_names_of_a_readable_length(name: str, stage_name: str, faults: dict[str, Fault]) -> None:
    assert StreamerEntry(name, stage_name).faults() == faults


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("7700123", None),
        ("Qing_chuan-7.1", None),
        ("", Fault.MISSING),
        ("77 00", Fault.BAD_NUMBER),
        ("七七零零", Fault.BAD_NUMBER),
        ("٧٧٠٠", Fault.BAD_NUMBER),
        ("-7700", Fault.BAD_NUMBER),
        ("7700\n", Fault.BAD_NUMBER),
        ("7" * 41, Fault.TOO_LONG),
    ],
)
def test_a_room_number_is_what_a_platform_would_give(number: str, fault: Fault | None) -> None:
    assert RoomEntry("晴川一号", number).faults().get("platform_number") is fault


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "faults"),
    [
        (NOW, None, {}),
        (NOW - timedelta(days=900), NOW - timedelta(days=900) + HOUR, {}),
        (NOW + timedelta(days=366), None, {}),
        (NOW + timedelta(days=366, seconds=1), None, {"starts_at": Fault.TOO_FAR_AHEAD}),
        (datetime(2015, 12, 31, tzinfo=UTC), None, {"starts_at": Fault.TOO_EARLY}),
        (datetime(1, 1, 1, tzinfo=UTC), None, {"starts_at": Fault.TOO_EARLY}),
        (NOW, NOW, {"ends_at": Fault.ENDS_BEFORE_START}),
        (NOW, NOW - HOUR, {"ends_at": Fault.ENDS_BEFORE_START}),
        (NOW, NOW + timedelta(days=3), {}),
        (NOW, NOW + timedelta(days=3, seconds=1), {"ends_at": Fault.TOO_LENGTHY}),
    ],
)
def test_a_sessions_times_must_be_possible(
    starts_at: datetime, ends_at: datetime | None, faults: dict[str, Fault]
) -> None:
    assert SessionEntry("双十一返场", starts_at, ends_at).faults(NOW) == faults


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "phase"),
    [
        (HOUR, None, SessionPhase.PLANNED),
        (HOUR, 2 * HOUR, SessionPhase.PLANNED),
        (timedelta(0), None, SessionPhase.RUNNING),
        (-HOUR, HOUR, SessionPhase.RUNNING),
        (-HOUR, timedelta(0), SessionPhase.ENDED),
        (-11 * HOUR, None, SessionPhase.RUNNING),
        (-12 * HOUR, None, SessionPhase.END_UNKNOWN),
        (-30 * HOUR, HOUR, SessionPhase.RUNNING),
    ],
)
def test_where_a_session_stands_follows_from_its_times(
    starts_in: timedelta, ends_in: timedelta | None, phase: SessionPhase
) -> None:
    assert rules.phase(NOW + starts_in, None if ends_in is None else NOW + ends_in, NOW) is phase


@pytest.mark.parametrize(
    ("subject", "streamer_id"),
    [("streamer:12", 12), ("streamer:", None), ("streamer:٣", None), ("supplier:12", None), ("", None), ("12", None)],
)
def test_an_invitations_subject_names_a_streamer_or_nobody(subject: str, streamer_id: int | None) -> None:
    assert rules.streamer_in(subject) == streamer_id


def test_a_subject_reads_back_as_the_streamer_it_was_made_of() -> None:
    assert rules.streamer_in(rules.subject_of(7)) == 7


@pytest.mark.parametrize(
    ("current", "target"), [(StreamerState.ACTIVE, StreamerState.ACTIVE), (StreamerState.LEFT, StreamerState.LEFT)]
)
def test_nobody_leaves_or_comes_back_twice(current: StreamerState, target: StreamerState) -> None:
    with pytest.raises(WrongState):
        move(current, target, rules.STREAMER_MOVES)


@pytest.mark.parametrize("state", list(RoomState))
def test_a_room_is_not_moved_to_where_it_is(state: RoomState) -> None:
    with pytest.raises(WrongState):
        move(state, state, rules.ROOM_MOVES)

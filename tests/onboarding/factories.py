"""Streamers, rooms and sessions that tests start from, committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.onboarding.models import LiveRoom, LiveSession, Streamer, StreamerCategory

from ..factories import make_mcn, make_operator, make_platform, make_user

EVENING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_numbers = count(1)


def make_streamer(
    org: Organisation,
    stage_name: str = "",
    *categories: str,
    name: str = "",
    user: User | None = None,
    state: str = "active",
) -> Streamer:
    """A streamer on an organisation's list."""
    number = next(_numbers)
    row = Streamer(
        organisation=org,
        name=name or f"姓名{number}",
        stage_name=stage_name or f"艺名{number}",
        user_id=user.id if user else None,
        state=state,
        created_at=now(),
        category_rows=[StreamerCategory(category=slug) for slug in categories],
    )
    db.session.add(row)
    db.session.commit()
    return row


def make_room(
    org: Organisation, name: str = "", *, mcn: Organisation | None = None, number: str = "", state: str = "active"
) -> LiveRoom:
    """A live room of an operator."""
    serial = next(_numbers)
    row = LiveRoom(
        organisation=org,
        mcn=mcn,
        name=name or f"直播间{serial}",
        platform_number=number or f"8800{serial}",
        state=state,
        created_at=now(),
    )
    db.session.add(row)
    db.session.commit()
    return row


def make_live_session(
    room: LiveRoom,
    title: str = "",
    *streamers: Streamer,
    starts_at: datetime = EVENING,
    ends_at: datetime | None = None,
) -> LiveSession:
    """A session in a room."""
    row = LiveSession(
        room=room,
        title=title or f"场次{next(_numbers)}",
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=now(),
        streamers=list(streamers),
    )
    db.session.add(row)
    db.session.commit()
    return row


@dataclass(frozen=True, slots=True)
class World:
    """Two MCNs and two operators on one platform.

    Rooms: 甲 (operator, served by mcn), 乙 (operator alone), 丙 (rival operator, served by rival), 丁 (run by mcn).
    Sessions stand in the room of the same letter: 云朵 is on in 甲, 小满 is a guest in 丙, 阿禾 is on in 乙.
    """

    platform: Organisation
    mcn: Organisation
    operator: Organisation
    rival: Organisation
    rival_operator: Organisation
    streamers: dict[str, Streamer]
    rooms: dict[str, LiveRoom]
    sessions: dict[str, LiveSession]
    cloud: User

    def home_of(self, role: Role) -> Organisation:
        """The organisation in which this world has somebody of the role."""
        if role in {Role.MCN_MANAGER, Role.MCN_FILE_APPROVER, Role.STREAMER}:
            return self.mcn
        return self.operator if role is Role.ROOM_OPERATOR else self.platform

    def person(self, role: Role) -> User:
        """Somebody of the role; the streamer is 云朵."""
        return self.cloud if role is Role.STREAMER else make_user(self.home_of(role), role)


def make_world() -> World:
    """The world that visibility is tried on."""
    platform, mcn, operator = make_platform(), make_mcn("禾木文化"), make_operator("青禾商贸")
    rival, rival_operator = make_mcn("北辰互娱"), make_operator("远山百货")
    cloud = make_user(mcn, Role.STREAMER)
    streamers = {
        "云朵": make_streamer(mcn, "云朵", "cosmetics", "food", user=cloud),
        "小满": make_streamer(mcn, "小满", "food"),
        "晚星": make_streamer(rival, "晚星"),
        "阿禾": make_streamer(operator, "阿禾"),
    }
    rooms = {
        "甲": make_room(operator, "甲", mcn=mcn, number="770001"),
        "乙": make_room(operator, "乙"),
        "丙": make_room(rival_operator, "丙", mcn=rival),
        "丁": make_room(mcn, "丁"),
    }
    sessions = {
        "甲": make_live_session(rooms["甲"], "甲", streamers["云朵"]),
        "乙": make_live_session(rooms["乙"], "乙", streamers["阿禾"]),
        "丙": make_live_session(rooms["丙"], "丙", streamers["晚星"], streamers["小满"]),
        "丁": make_live_session(rooms["丁"], "丁"),
    }
    return World(platform, mcn, operator, rival, rival_operator, streamers, rooms, sessions, cloud)

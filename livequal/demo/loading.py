"""Load the demo into an empty installation, in one transaction: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from sqlalchemy import select

from ..accounts import service as accounts
from ..accounts.models import Organisation, User
from ..accounts.rules import SYSTEM
from ..audit import service as audit
from ..kernel.clock import SHANGHAI, now
from ..kernel.db import db, edge
from ..kernel.errors import WrongState
from ..kernel.i18n import gettext
from ..onboarding import rules, schedule
from ..onboarding import service as onboarding
from ..onboarding.models import LiveRoom, LiveSession
from . import cast, recordings
from .sign_ins import SignIn, fresh_password, keep

UPLOADER = "moderator"


def load(say: Callable[[str], None] = lambda _line: None) -> tuple[SignIn, ...]:
    """Fill an empty installation with the demo and answer its sign-ins. Needs an application context and the schema.

    `say` hears what is being done. The recordings wait for the worker, which transcribes them like any other.

    Raises: WrongState where there is any organisation already.
    """
    with edge():
        if db.session.scalars(select(Organisation.id).limit(1)).first() is not None:
            raise WrongState(gettext("There is data here already. The demo goes into an empty installation only."))
        houses = {
            house.key: accounts.create_organisation(house.kind, house.name, by=SYSTEM, demo=True)
            for house in cast.HOUSES
        }
        say(gettext("%(count)s accounts …", count=len(cast.PEOPLE)))
        people, told = _people(houses)
        say(gettext("%(count)s streamers …", count=len(cast.sellers())))
        streamer_ids = _streamers(houses["mcn"])
        _tie(people, streamer_ids)
        sessions = _sessions(_rooms(houses), streamer_ids)
        say(gettext("%(count)s recordings …", count=len(recordings.NAMES)))
        for name, session in sessions.items():
            recordings.store(recordings.truth(name), session.id, by=people[UPLOADER].actor)
        facts = {"people": len(people), "streamers": len(streamer_ids), "recordings": len(sessions)}
        audit.record("demo.load", houses["platform"], by=SYSTEM, after=facts)
        keep(told)
    return tuple(row for row, _hash in told)


def _people(houses: dict[str, Organisation]) -> tuple[dict[str, User], list[tuple[SignIn, str]]]:
    people: dict[str, User] = {}
    told = []
    for person in cast.PEOPLE:
        password = fresh_password()
        user = accounts.add_account(
            houses[person.house], frozenset({person.role}), login=person.login, name=person.name, password=password
        )
        people[person.login] = user
        told.append((SignIn(user.login, password, person.role.value, user.name), user.password_hash))
    return people, told


def _streamers(house: Organisation) -> dict[str, int]:
    entries = (rules.StreamerEntry(one.name, one.stage_name, one.categories) for one in cast.sellers())
    return {
        entry.stage_name: onboarding.add_streamer(entry, organisation_id=house.id, by=SYSTEM).id for entry in entries
    }


def _tie(people: dict[str, User], streamer_ids: dict[str, int]) -> None:
    for person in cast.PEOPLE:
        if person.stage_name:
            onboarding.tie(people[person.login].id, rules.subject_of(streamer_ids[person.stage_name]))


def _rooms(houses: dict[str, Organisation]) -> dict[str, LiveRoom]:
    return {
        room.key: onboarding.add_room(
            rules.RoomEntry(room.name, room.platform_number),
            organisation_id=houses[room.house].id,
            mcn_id=houses[room.mcn].id if room.mcn else None,
            by=SYSTEM,
        )
        for room in cast.ROOMS
    }


def _sessions(rooms: dict[str, LiveRoom], streamer_ids: dict[str, int]) -> dict[str, LiveSession]:
    """Enter all live sessions; answer those that were recorded, by the recording's name."""
    today = now().astimezone(SHANGHAI).date()
    recorded = {}
    for show in cast.SHOWS:
        starts_at = datetime.combine(today + timedelta(days=show.days), time(show.hour), SHANGHAI)
        entry = rules.SessionEntry(show.title, starts_at, starts_at + timedelta(hours=show.hours))
        on = [streamer_ids[stage_name] for stage_name in show.stage_names]
        session = schedule.add_live_session(rooms[show.room], entry, streamer_ids=on, by=SYSTEM)
        if show.recording:
            recorded[show.recording] = session
    return recorded

"""The people and the session the browser tests start from, made through the services; prints nothing.

`python -m tests.browser.seed` in the environment of an empty, migrated installation.
"""

from __future__ import annotations

from datetime import timedelta

from livequal.accounts import passwords
from livequal.accounts.models import Organisation, User, UserRole
from livequal.accounts.rules import OrganisationKind, Role
from livequal.app import create_app
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.onboarding.models import LiveRoom, LiveSession, LiveSessionStreamer, Streamer, StreamerCategory

PASSWORD = "chrysanthemum-42-lanterns"
PEOPLE = (
    ("admin", "管理员老陈", OrganisationKind.PLATFORM, Role.ADMINISTRATOR),
    ("moderator", "审核员小周", OrganisationKind.PLATFORM, Role.LEAD_MODERATOR),
    ("rules", "规则员老唐", OrganisationKind.PLATFORM, Role.RULE_OWNER),
    ("quality", "质量官老石", OrganisationKind.PLATFORM, Role.QUALITY_OFFICER),
    ("mcn", "禾木店长", OrganisationKind.MCN, Role.MCN_MANAGER),
    ("streamer", "林小满", OrganisationKind.MCN, Role.STREAMER),
)


def main() -> None:
    """Write the rows."""
    with create_app().app_context(), edge():
        organisations = {
            kind: Organisation(kind=kind.value, name=name, created_at=now())
            for kind, name in (
                (OrganisationKind.PLATFORM, "晴川直播平台"),
                (OrganisationKind.MCN, "禾木文化"),
                (OrganisationKind.ROOM_OPERATOR, "云上小铺"),
            )
        }
        db.session.add_all(organisations.values())
        hashed = passwords.hashed(PASSWORD)
        people = {}
        for login, name, kind, role in PEOPLE:
            people[login] = User(
                organisation=organisations[kind],
                login=login,
                name=name,
                password_hash=hashed,
                created_at=now(),
                role_rows=[UserRole(role=role.value)],
            )
        db.session.add_all(people.values())
        db.session.flush()
        streamer = Streamer(
            organisation_id=organisations[OrganisationKind.MCN].id,
            user_id=people["streamer"].id,
            name="林小满",
            stage_name="小满不慌",
            created_at=now(),
            category_rows=[StreamerCategory(category="cosmetics")],
        )
        room = LiveRoom(
            organisation_id=organisations[OrganisationKind.ROOM_OPERATOR].id,
            mcn_id=organisations[OrganisationKind.MCN].id,
            name="云朵美妆间",
            platform_number="QC0001",
            created_at=now(),
        )
        db.session.add_all([streamer, room])
        db.session.flush()
        session = LiveSession(
            room_id=room.id,
            title="周末晚场",
            starts_at=now() - timedelta(hours=3),
            created_by=people["admin"].id,
            created_at=now(),
        )
        db.session.add(session)
        db.session.flush()
        db.session.add(LiveSessionStreamer(live_session_id=session.id, streamer_id=streamer.id))


if __name__ == "__main__":
    main()

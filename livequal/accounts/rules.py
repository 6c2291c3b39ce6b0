"""Organisations, roles and the permission table. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum, auto

SESSION_LIFE = timedelta(days=14)
INVITATION_LIFE = timedelta(days=14)
RESET_LIFE = timedelta(hours=2)
THROTTLE_WINDOW = timedelta(minutes=15)
TRIES_PER_LOGIN = 5
TRIES_PER_ADDRESS = 30
PASSWORD_MIN = 10
PASSWORD_MAX = 200


class OrganisationKind(StrEnum):
    """What kind of party an organisation is."""

    PLATFORM = "platform"
    MCN = "mcn"
    ROOM_OPERATOR = "room_operator"


class UserState(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    LEFT = "left"


class Role(StrEnum):
    """What somebody does."""

    ADMINISTRATOR = "administrator"
    MODERATOR = "moderator"
    LEAD_MODERATOR = "lead_moderator"
    APPEAL_REVIEWER = "appeal_reviewer"
    RULE_OWNER = "rule_owner"
    CURRICULUM_MANAGER = "curriculum_manager"
    QUALITY_OFFICER = "quality_officer"
    AUDITOR = "auditor"
    MCN_MANAGER = "mcn_manager"
    MCN_FILE_APPROVER = "mcn_file_approver"
    ROOM_OPERATOR = "room_operator"
    STREAMER = "streamer"


class Permission(StrEnum):
    """What may be done; every route names one."""

    OWN_ACCOUNT = auto()
    READ_ORGANISATIONS = auto()
    WRITE_ORGANISATIONS = auto()
    READ_PEOPLE = auto()
    INVITE_PEOPLE = auto()
    MANAGE_PEOPLE = auto()
    READ_STREAMERS = auto()
    WRITE_STREAMERS = auto()
    READ_ROOMS = auto()
    WRITE_ROOMS = auto()
    READ_LIVE_SESSIONS = auto()
    WRITE_LIVE_SESSIONS = auto()
    READ_RECORDINGS = auto()
    UPLOAD_RECORDINGS = auto()
    CORRECT_TRANSCRIPTS = auto()
    MARK_TIMELINES = auto()
    READ_RULES = auto()
    READ_CASES = auto()
    DECIDE_CASES = auto()
    READ_FINDINGS = auto()
    READ_JOBS = auto()
    STEER_JOBS = auto()
    READ_AUDIT = auto()
    READ_OUTBOX = auto()


P = Permission
_EVERYONE = frozenset({P.OWN_ACCOUNT})
_PLATFORM_READS = _EVERYONE | {
    P.READ_ORGANISATIONS,
    P.READ_STREAMERS,
    P.READ_ROOMS,
    P.READ_LIVE_SESSIONS,
    P.READ_RECORDINGS,
    P.READ_RULES,
    P.READ_CASES,
    P.READ_FINDINGS,
}
_MODERATES = _PLATFORM_READS | {
    P.WRITE_LIVE_SESSIONS,
    P.UPLOAD_RECORDINGS,
    P.CORRECT_TRANSCRIPTS,
    P.MARK_TIMELINES,
    P.DECIDE_CASES,
}
_TENANT_READS = _EVERYONE | {P.READ_STREAMERS, P.READ_ROOMS, P.READ_LIVE_SESSIONS, P.READ_FINDINGS}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: _PLATFORM_READS
    | {
        P.WRITE_ORGANISATIONS,
        P.READ_PEOPLE,
        P.INVITE_PEOPLE,
        P.MANAGE_PEOPLE,
        P.WRITE_STREAMERS,
        P.WRITE_ROOMS,
        P.WRITE_LIVE_SESSIONS,
        P.READ_JOBS,
        P.STEER_JOBS,
        P.READ_AUDIT,
        P.READ_OUTBOX,
    },
    Role.MODERATOR: _MODERATES,
    Role.LEAD_MODERATOR: _MODERATES | {P.READ_JOBS, P.STEER_JOBS, P.READ_PEOPLE},
    Role.APPEAL_REVIEWER: _PLATFORM_READS,
    Role.RULE_OWNER: _PLATFORM_READS,
    Role.CURRICULUM_MANAGER: _EVERYONE | {P.READ_STREAMERS, P.READ_RULES},
    Role.QUALITY_OFFICER: _PLATFORM_READS | {P.READ_AUDIT, P.READ_JOBS},
    Role.AUDITOR: _PLATFORM_READS | {P.READ_AUDIT, P.READ_PEOPLE},
    Role.MCN_MANAGER: _TENANT_READS
    | {P.READ_PEOPLE, P.INVITE_PEOPLE, P.MANAGE_PEOPLE, P.WRITE_STREAMERS, P.WRITE_ROOMS, P.WRITE_LIVE_SESSIONS},
    Role.MCN_FILE_APPROVER: _TENANT_READS,
    Role.ROOM_OPERATOR: _TENANT_READS
    | {P.READ_PEOPLE, P.INVITE_PEOPLE, P.MANAGE_PEOPLE, P.WRITE_ROOMS, P.WRITE_LIVE_SESSIONS},
    Role.STREAMER: _EVERYONE | {P.READ_LIVE_SESSIONS, P.READ_FINDINGS},
}

ROLES_OF: dict[OrganisationKind, frozenset[Role]] = {
    OrganisationKind.PLATFORM: frozenset(
        {
            Role.ADMINISTRATOR,
            Role.MODERATOR,
            Role.LEAD_MODERATOR,
            Role.APPEAL_REVIEWER,
            Role.RULE_OWNER,
            Role.CURRICULUM_MANAGER,
            Role.QUALITY_OFFICER,
            Role.AUDITOR,
        }
    ),
    OrganisationKind.MCN: frozenset({Role.MCN_MANAGER, Role.MCN_FILE_APPROVER, Role.STREAMER}),
    OrganisationKind.ROOM_OPERATOR: frozenset({Role.ROOM_OPERATOR, Role.STREAMER}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as services see it. `user_id` None is livequal itself, which may do everything."""

    user_id: int | None
    name: str
    organisation_id: int | None = None
    organisation_kind: OrganisationKind | None = None
    roles: frozenset[Role] = field(default=frozenset())

    def may(self, permission: Permission) -> bool:
        """Whether any of the roles allows it."""
        return self.user_id is None or any(permission in PERMISSIONS[role] for role in self.roles)

    @property
    def sees_platform(self) -> bool:
        """Whether rows of every tenant are visible: platform people and livequal itself."""
        return self.user_id is None or self.organisation_kind is OrganisationKind.PLATFORM


SYSTEM = Actor(user_id=None, name="livequal")

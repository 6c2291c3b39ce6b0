"""Organisations, roles and the permission table. Pure."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, auto

# A sign-in ends when it lay unused for SESSION_LIFE, and after SESSION_LONGEST in any case.
SESSION_LIFE = timedelta(days=14)
SESSION_LONGEST = timedelta(days=90)
INVITATION_LIFE = timedelta(days=14)
RESET_LIFE = timedelta(hours=2)
RESET_WINDOW = timedelta(hours=1)
RESETS_PER_WINDOW = 3
THROTTLE_WINDOW = timedelta(minutes=15)
TRIES_PER_LOGIN = 5
TRIES_PER_ADDRESS = 30
PASSWORD_MIN = 10
PASSWORD_MAX = 200
NAME_MAX = 60
BROWSER_MAX = 300

_LOGIN = re.compile(r"[0-9a-z\u4e00-\u9fff][0-9a-z\u4e00-\u9fff._@+-]{1,59}")
# The ten-characters-and-longer heads of the usual lists of leaked passwords, in lower case.
_COMMON = """
    1234567890 0123456789 9876543210 0987654321 12345678910 123456789a a123456789 123456789q q123456789 1234567891
    123456789abc abc123456789 1234567890a a1234567890 123456789qq 123456789aa aa123456789 qq123456789 12345678900
    1qaz2wsx3edc 1q2w3e4r5t 1q2w3e4r5t6y qwertyuiop qwerty12345 qwerty123456 qwertyuiop123 asdfghjkl123 1234qwerasdf
    qwer1234asdf zxcvbnm123 zxcvbnm123456 q1w2e3r4t5 qazwsxedc1 qazwsxedc123 password12 password123 password1234
    password12345 passw0rd123 p@ssw0rd123 p@ssword123 administrator admin12345 admin123456 admin888888 administrator1
    letmein123 welcome123 welcome1234 iloveyou123 iloveyou520 woaini1314 woaini5201314 woaini123456 5201314520
    1314520123 52013141314 woaini1314520 147258369a 1472583690 147852369a 7758521521 1122334455 11223344556
    aini1314520 wang123456 zhang123456 li123456789 asd123456789 abcd123456 abcd12345678 abcdefghij abcdefghijk
    a1b2c3d4e5 aa12345678 asdf123456 test123456 changeme123 livequal123 livequal1234 taobao123456 douyin123456
    """
_COMMON_PASSWORDS = frozenset(_COMMON.split())


class OrganisationKind(StrEnum):
    """What kind of party an organisation is."""

    PLATFORM = "platform"
    MCN = "mcn"
    ROOM_OPERATOR = "room_operator"


class UserState(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    LEFT = "left"


class InvitationState(StrEnum):
    """Where an invitation stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


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
    WRITE_RULES = auto()
    APPROVE_RULES = auto()
    CHECK_LINES = auto()
    READ_CASES = auto()
    DECIDE_CASES = auto()
    READ_FINDINGS = auto()
    READ_JOBS = auto()
    STEER_JOBS = auto()
    READ_AUDIT = auto()
    READ_OUTBOX = auto()
    LEARN = auto()
    STEER_EXAMS = auto()
    STEER_CERTIFICATES = auto()
    STEER_COMMITMENTS = auto()
    STEER_TRAINING = auto()
    READ_TEAM_TRAINING = auto()


P = Permission
_EVERYONE = frozenset({P.OWN_ACCOUNT, P.LEARN})
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
    P.CHECK_LINES,
}
_TENANT_READS = _EVERYONE | {
    P.READ_STREAMERS,
    P.READ_ROOMS,
    P.READ_LIVE_SESSIONS,
    P.READ_FINDINGS,
    P.CHECK_LINES,
}

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
        P.STEER_EXAMS,
        P.STEER_CERTIFICATES,
        P.STEER_COMMITMENTS,
        P.READ_TEAM_TRAINING,
    },
    Role.MODERATOR: _MODERATES,
    Role.LEAD_MODERATOR: _MODERATES | {P.READ_JOBS, P.STEER_JOBS, P.READ_PEOPLE},
    Role.APPEAL_REVIEWER: _PLATFORM_READS,
    Role.RULE_OWNER: _PLATFORM_READS | {P.WRITE_RULES, P.APPROVE_RULES},
    Role.CURRICULUM_MANAGER: _EVERYONE
    | {
        P.READ_STREAMERS,
        P.READ_RULES,
        P.CHECK_LINES,
        P.STEER_CERTIFICATES,
        P.STEER_COMMITMENTS,
        P.STEER_TRAINING,
        P.READ_TEAM_TRAINING,
    },
    Role.QUALITY_OFFICER: _PLATFORM_READS | {P.READ_AUDIT, P.READ_JOBS, P.APPROVE_RULES, P.READ_TEAM_TRAINING},
    Role.AUDITOR: _PLATFORM_READS | {P.READ_AUDIT, P.READ_PEOPLE, P.READ_TEAM_TRAINING},
    Role.MCN_MANAGER: _TENANT_READS
    | {
        P.READ_PEOPLE,
        P.INVITE_PEOPLE,
        P.MANAGE_PEOPLE,
        P.WRITE_STREAMERS,
        P.WRITE_ROOMS,
        P.WRITE_LIVE_SESSIONS,
        P.READ_TEAM_TRAINING,
    },
    Role.MCN_FILE_APPROVER: _TENANT_READS,
    Role.ROOM_OPERATOR: _TENANT_READS
    | {
        P.WRITE_STREAMERS,
        P.READ_PEOPLE,
        P.INVITE_PEOPLE,
        P.MANAGE_PEOPLE,
        P.WRITE_ROOMS,
        P.WRITE_LIVE_SESSIONS,
        P.READ_TEAM_TRAINING,
    },
    Role.STREAMER: _EVERYONE | {P.READ_LIVE_SESSIONS, P.READ_FINDINGS, P.CHECK_LINES},
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


def invitation_state(
    accepted_at: datetime | None, revoked_at: datetime | None, expires_at: datetime, now: datetime
) -> InvitationState:
    """Where an invitation stands, from its dates."""
    if accepted_at:
        return InvitationState.ACCEPTED
    if revoked_at:
        return InvitationState.REVOKED
    return InvitationState.OPEN if now < expires_at else InvitationState.EXPIRED


class PasswordFault(StrEnum):
    """Why a password can't be taken."""

    SHORT = "short"
    LONG = "long"
    IS_LOGIN = "is_login"
    COMMON = "common"


def password_fault(password: str, login: str) -> PasswordFault | None:
    """What is wrong with a new password; None when nothing is."""
    if len(password) < PASSWORD_MIN:
        return PasswordFault.SHORT
    if len(password) > PASSWORD_MAX:
        return PasswordFault.LONG
    plain = normal_login(password)
    if login and plain in {login, login[::-1], login + login}:
        return PasswordFault.IS_LOGIN
    if plain in _COMMON_PASSWORDS or len(set(plain)) < 4:
        return PasswordFault.COMMON
    return None


def normal_login(login: str) -> str:
    """The one form under which a login name is kept and looked for."""
    return unicodedata.normalize("NFKC", login).strip().lower()


def login_fits(login: str) -> bool:
    """Whether a (normal) login name has an allowed form: 2-60 letters, digits, Chinese characters or . _ @ + -."""
    return _LOGIN.fullmatch(login) is not None


def may_give(by: Actor, kind: OrganisationKind, organisation_id: int, roles: frozenset[Role]) -> bool:
    """Whether somebody may hand these roles to people of that organisation.

    Roles must fit the organisation's kind. Tenants' managers give in their own house only; of platform people
    nobody but the administrator holds the permission at all.
    """
    if not roles or not roles <= ROLES_OF[kind]:
        return False
    return by.may(Permission.INVITE_PEOPLE) and _in_reach(by, organisation_id)


def may_manage(by: Actor, organisation_id: int) -> bool:
    """Whether somebody may change roles, close accounts and hand out reset links in that organisation."""
    return by.may(Permission.MANAGE_PEOPLE) and _in_reach(by, organisation_id)


def _in_reach(by: Actor, organisation_id: int) -> bool:
    return by.sees_platform or by.organisation_id == organisation_id


def wait_s(tries: Sequence[datetime], limit: int, now: datetime) -> int:
    """Seconds until another try is welcome after these failed ones; 0 when it is welcome now."""
    recent = sorted(at for at in tries if at > now - THROTTLE_WINDOW)
    if len(recent) < limit:
        return 0
    return max(1, -int(-(recent[-limit] + THROTTLE_WINDOW - now).total_seconds() // 1))


def address_group(address: str) -> str:
    """What counts as one address for the throttle: a whole /64 in IPv6, for one household holds all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


# The first word found in a browser's self-description names it; everybody calls himself Safari, so that comes last.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("Lark", "Lark"),
    ("Edg", "Edge"),
    ("QQBrowser", "QQ"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def device_name(browser: str) -> str:
    """A browser's self-description in words a person knows, such as "Chrome · Windows"; empty when unknown."""
    names = (next((name for sign, name in table if sign in browser), "") for table in (_BROWSERS, _SYSTEMS))
    return " · ".join(name for name in names if name)

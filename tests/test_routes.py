"""What holds of every route: a permission, a token on every write, walls between tenants, headers, no inline code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from livequal.accounts import resets, service, sign_ins
from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import PERMISSIONS, ROLES_OF, SYSTEM, OrganisationKind, Role
from livequal.jobs import service as jobs
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.kernel.web import HEADERS, csrf
from livequal.notifications.models import Mail, Notice
from livequal.onboarding.models import LiveRoom, LiveSession, Streamer
from livequal.review.models import Case, Clip, Decision
from livequal.risk.models import Backtest, PackVersion, SavedLine
from livequal.streams.models import Dictation, Recording, SegmentRow, Span, Transcript, Upload
from livequal.training.assignment_models import Assignment, AssignmentRule
from livequal.training.models import Attempt, AttemptSlot, Course, CourseVersion, Question, QuestionVersion

from .factories import make_mcn, make_operator, make_platform, make_user, signed_in
from .recordings import make_recording

READING = {"GET", "HEAD", "OPTIONS"}
PUBLIC = {
    "accounts.asked",
    "accounts.forgot",
    "accounts.join",
    "accounts.language",
    "accounts.reset",
    "accounts.sign_in",
    "accounts.sign_out",
    "assets.bootstrap",
    "desk.healthz",
    "desk.metrics",
    "desk.readyz",
    "training.verify",
    "training.verify_form",
}
BEYOND_COUNTING = 10**30
PROGRAM = {"Accept": "application/json"}
_numbers = count(1)


def add(row: object, key: str = "id") -> int:
    db.session.add(row)
    db.session.commit()
    return int(getattr(row, key))


@dataclass
class Tenant:
    """An MCN with an operator, a room, a session, a recording and a finding; its owner holds every role there."""

    mcn: Organisation
    operator: Organisation
    owner: User
    operator_owner: User


@dataclass
class Town:
    """The platform and two tenants; `ids` names a row of the first tenant for each parameter of a route."""

    platform: Organisation
    moderator: User
    ours: Tenant
    theirs: Tenant
    ids: dict[str, int]


def make_tenant(name: str) -> Tenant:
    mcn, operator = make_mcn(name), make_operator(f"{name}的店")
    return Tenant(
        mcn,
        operator,
        make_user(mcn, *ROLES_OF[OrganisationKind.MCN]),
        make_user(operator, *ROLES_OF[OrganisationKind.ROOM_OPERATOR]),
    )


@pytest.fixture
def town(app: Flask) -> Town:
    """A fresh town."""
    platform = make_platform()
    moderator = make_user(platform, *ROLES_OF[OrganisationKind.PLATFORM])
    # Somebody else is administrator too, so that closing the moderator's account is possible.
    make_user(platform, Role.ADMINISTRATOR)
    ours = make_tenant("禾木文化")
    return Town(platform, moderator, ours, make_tenant("南枝传媒"), rows_of(ours, moderator))


def rows_of(tenant: Tenant, moderator: User) -> dict[str, int]:
    """One row of the tenant for every integer a route may hold. A new parameter needs its row here."""
    at = now()
    colleague = make_user(tenant.mcn, Role.STREAMER)
    streamer_id = add(
        Streamer(organisation_id=tenant.mcn.id, user_id=tenant.owner.id, name="林晚", stage_name="晚晚", created_at=at)
    )
    room = LiveRoom(
        organisation_id=tenant.operator.id,
        mcn_id=tenant.mcn.id,
        name="直播间",
        platform_number=f"R{next(_numbers)}",
        created_at=at,
    )
    room_id = add(room)
    session = LiveSession(room_id=room_id, title="专场", starts_at=at, created_by=moderator.id, created_at=at)
    session.streamers = [db.session.get_one(Streamer, streamer_id)]
    session_id = add(session)
    recording = make_recording(moderator, session=session)
    recording.state = "ready"
    transcript_id = add(
        Transcript(recording_id=recording.id, state="complete", engine="fake", model="none", version="1", created_at=at)
    )
    words = json.dumps([[0, 500, "全网", 90], [500, 1000, "最低", 90]])
    segment_id = add(
        SegmentRow(transcript_id=transcript_id, position=0, start_ms=0, end_ms=1000, text="全网最低", words=words)
    )
    span_id = add(
        Span(recording_id=recording.id, kind="product", start_ms=0, end_ms=1000, label="面霜", product_category="food")
    )
    case_id = add(
        Case(
            recording_id=recording.id,
            transcript_id=transcript_id,
            kind="unclear",
            severity=2,
            start_ms=0,
            end_ms=1000,
            state="confirmed",
            version=2,
            opened_at=at,
        )
    )
    add(
        Decision(
            case_id=case_id,
            case_version=1,
            outcome="confirmed",
            category="lowest_price",
            reason="clear",
            reasons_version=1,
            streamer_id=streamer_id,
            decided_by=moderator.id,
            decided_by_name=moderator.name,
            decided_at=at,
        )
    )
    add(Clip(case_id=case_id, start_ms=0, end_ms=1000, key=recording.m4a_key), "case_id")
    incoming = "0" * 32
    upload_id = add(
        Upload(
            user_id=moderator.id,
            title="",
            file_name="a.mp4",
            size=10,
            incoming=incoming,
            created_at=at,
            touched_at=at,
        )
    )
    issued = service.invite(tenant.mcn.id, "周小满", frozenset({Role.STREAMER}), by=tenant.owner.actor)
    version_id = add(
        PackVersion(
            number=next(_numbers), author_id=moderator.id, author_name=moderator.name, created_at=at, changed_at=at
        )
    )
    backtest_id = add(
        Backtest(version_id=version_id, sha256="", asked_by=moderator.id, asked_by_name=moderator.name, asked_at=at)
    )
    attempt_id = _attempt(tenant, recording.m4a_key)
    mail = Mail(recipient="a@example.com", subject="x", body="y", state="waiting_for_hand", created_at=at)
    job = jobs.enqueue("scan", {"recording_id": recording.id}, subject=f"recording:{recording.id}")
    db.session.commit()
    return {
        "user_id": colleague.id,
        "sign_in_id": _sign_in_id(tenant.owner),
        "invitation_id": issued.invitation.id,
        "streamer_id": streamer_id,
        "room_id": room_id,
        "live_session_id": session_id,
        "recording_id": recording.id,
        "segment_id": segment_id,
        "span_id": span_id,
        "case_id": case_id,
        "upload_id": upload_id,
        "notice_id": add(
            Notice(user_id=tenant.owner.id, kind="transcript_ready", facts={}, url="/recordings", created_at=at)
        ),
        "attempt_id": attempt_id,
        **_assigned(tenant, attempt_id),
        "slot": 1,
        "mail_id": add(mail),
        "job_id": job.id,
        "version_id": version_id,
        "backtest_id": backtest_id,
        "dictation_id": add(
            Dictation(user_id=tenant.owner.id, incoming=".said-0", state="heard", words="全网最低", created_at=at)
        ),
        "saved_line_id": add(
            SavedLine(user_id=tenant.owner.id, title="开场", body="大家好", product_category="food", saved_at=at)
        ),
    }


def _assigned(tenant: Tenant, attempt_id: int) -> dict[str, int]:
    """A rule of the platform, and what it asks of the tenant's owner."""
    course_id = db.session.get_one(Attempt, attempt_id).course_id
    rule = AssignmentRule(
        title="规则",
        occasion="joining",
        roles=",streamer,",
        course_id=course_id,
        working_days=5,
        created_by_name="x",
        created_at=now(),
    )
    rule_id = add(rule)
    row = Assignment(
        rule_id=rule_id,
        user_id=tenant.owner.id,
        organisation_id=tenant.mcn.id,
        course_id=course_id,
        cause="joined",
        assigned_at=now(),
    )
    return {"learning_rule_id": rule_id, "assignment_id": add(row)}


def _attempt(tenant: Tenant, clip_key: str) -> int:
    """A running exam of the tenant's owner with one question, which has a sound."""
    at, number = now(), next(_numbers)
    course_id = add(Course(slug=f"course-{number}", roles=",streamer,", current=1, created_at=at))
    facts = {
        "id": f"course-{number}",
        "version": "1.0.0",
        "title": "课",
        "summary": "课",
        "minutes": 1,
        "red_line": False,
        "lessons": [],
        "paper": {"pass_percent": 80, "minutes": 15, "draw": {}},
        "topics": {},
    }
    lists = ("roles", "product_categories", "requires", "subjects", "risk_categories", "sources")
    told = json.dumps(facts | {name: [] for name in lists})
    version_id = add(
        CourseVersion(course_id=course_id, number=1, version="1.0.0", title="课", facts=told, sha256="", created_at=at)
    )
    question_id = add(Question(course_id=course_id, item=f"t-{number}"))
    content = {"text": "对吗", "explanation": "对", "source": "平台实务", "lesson": "01-one.md", "key": True}
    question_version_id = add(
        QuestionVersion(
            question_id=question_id,
            number=1,
            type="true_false",
            tag="lowest_price",
            content=json.dumps(content),
            sha256="",
            material_sha256="",
            clip_key=clip_key,
            created_at=at,
        )
    )
    attempt_id = add(
        Attempt(
            user_id=tenant.owner.id,
            course_id=course_id,
            course_version_id=version_id,
            number=1,
            seed="s",
            policy=json.dumps({"pass_percent": 80, "slots": []}),
            policy_sha256="",
            started_at=at,
            deadline=at + timedelta(hours=1),
        )
    )
    frozen = {"slot": 1, "question_version": question_version_id, "type": "true_false", "red_line": False, "key": True}
    slot = AttemptSlot(
        attempt_id=attempt_id,
        slot=1,
        question_version_id=question_version_id,
        frozen=json.dumps(frozen),
        sha256="",
    )
    add(slot, "slot")
    return attempt_id


def _sign_in_id(user: User) -> int:
    token = sign_ins.begin(user, "127.0.0.1", "tests")
    db.session.commit()
    return sign_ins.current(token) or 0


def rules_of(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)


def writes_of(app: Flask) -> list[tuple[Rule, str]]:
    return [(rule, method) for rule in rules_of(app) for method in sorted((rule.methods or set()) - READING)]


def calls_with_rows(app: Flask) -> list[tuple[Rule, str]]:
    """Every route with a row's id in its address, with each of its methods."""
    return [
        (rule, method)
        for rule in rules_of(app)
        if _row_parameters(rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _row_parameters(rule: Rule) -> list[str]:
    return [name for name, converter in rule._converters.items() if type(converter).regex == r"\d+"]


def address(app: Flask, rule: Rule, ids: dict[str, int]) -> str:
    values: dict[str, object] = dict(ids)
    values |= {"token": "x", "filename": "css/livequal.css", "slug": "course", "lesson": "01-one", "name": "a.png"}
    values |= {"serial": "x", "commitment": "streamer", "version": "1.0"}
    for name in rule.arguments:
        if name == "kind":
            values[name] = "txt"
        assert name in values, f"teach rows_of() in {__file__} to make a row for {name} of {rule.rule}"
    with app.test_request_context():
        built = app.url_map.bind("localhost").build(
            rule.endpoint, {name: values[name] for name in rule.arguments}, append_unknown=False
        )
    return str(built)


def beyond(app: Flask, rule: Rule, ids: dict[str, int]) -> str:
    """The route's address with a number that no database counts to."""
    return re.sub(r"<int:\w+>", str(BEYOND_COUNTING), rule.rule).replace("<any(srt, vtt, txt, json):kind>", "txt")


def permission_of(app: Flask, rule: Rule) -> object:
    return getattr(app.view_functions[rule.endpoint], "permission", "none named")


# --- permissions ---


def test_every_view_names_a_permission_and_public_ones_are_known(app: Flask) -> None:
    named = {rule.endpoint: permission_of(app, rule) for rule in rules_of(app) if rule.endpoint != "static"}
    assert [endpoint for endpoint, permission in named.items() if permission == "none named"] == []
    assert {endpoint for endpoint, permission in named.items() if permission is None} <= PUBLIC


def test_a_signed_out_visitor_is_sent_to_sign_in_or_gets_401(client: FlaskClient, town: Town) -> None:
    app, wrong = client.application, []
    for rule in rules_of(app):
        if permission_of(app, rule) in {None, "none named"}:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            url = address(app, rule, town.ids)
            page = client.open(url, method=method)
            program = client.open(url, method=method, headers=PROGRAM)
            if page.status_code != 302 or not page.location.startswith("/sign-in") or program.status_code != 401:
                wrong.append((method, url, page.status_code, program.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", sorted(Role))
def test_a_role_without_the_permission_gets_403_and_with_it_never(client: FlaskClient, town: Town, role: Role) -> None:
    kind = next(kind for kind, roles in ROLES_OF.items() if role in roles)
    houses = {
        OrganisationKind.PLATFORM: town.platform,
        OrganisationKind.MCN: town.ours.mcn,
        OrganisationKind.ROOM_OPERATOR: town.ours.operator,
    }
    signed_in(client, make_user(houses[kind], role))
    app, wrong = client.application, []
    for rule in rules_of(app):
        if "GET" not in (rule.methods or set()) or permission_of(app, rule) in {None, "none named"}:
            continue
        answer = client.get(address(app, rule, town.ids))
        if (answer.status_code == 403) is (permission_of(app, rule) in PERMISSIONS[role]):
            wrong.append((rule.rule, answer.status_code))
        if answer.status_code >= 500:
            wrong.append((rule.rule, answer.status_code))
    assert wrong == []


# --- tokens ---


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with its protection against forged requests, as in production."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    return app


def test_every_write_without_a_token_is_refused(guarded: Flask, town: Town) -> None:
    client = signed_in(guarded.test_client(), town.moderator)
    wrong = []
    for rule, method in writes_of(guarded):
        answer = client.open(address(guarded, rule, town.ids), method=method, data={"name": "x"})
        if answer.status_code != 400:
            wrong.append((method, rule.rule, answer.status_code))
    assert wrong == []


def test_no_view_is_exempt_from_the_token(app: Flask) -> None:
    assert not csrf._exempt_views
    assert not csrf._exempt_blueprints


def test_a_write_with_the_pages_token_passes(guarded: Flask, town: Town) -> None:
    client = signed_in(guarded.test_client(), town.moderator)
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/account").text)
    assert token
    assert client.post("/language", data={"locale": "en", "csrf_token": token[1]}).status_code == 303
    by_header = client.post("/language", data={"locale": "en"}, headers={"X-CSRFToken": token[1]})
    assert by_header.status_code == 303


def test_a_token_of_another_browser_is_refused(guarded: Flask, town: Town) -> None:
    theirs = signed_in(guarded.test_client(), town.moderator)
    token = re.search(r'name="csrf-token" content="([^"]+)"', theirs.get("/account").text)
    assert token
    mine = signed_in(guarded.test_client(), town.ours.owner)
    assert mine.post("/language", data={"locale": "en", "csrf_token": token[1]}).status_code == 400


# --- walls between tenants ---


def test_every_route_with_a_row_is_open_to_somebody(app: Flask, town: Town) -> None:
    """Else the walls below would prove nothing: the rows are there, and somebody gets at them."""
    closed = []
    for rule, method in calls_with_rows(app):
        # Some of these writes end what the next one needs: they get rows of their own.
        tenant, ids = (town.ours, town.ids) if method == "GET" else _another(town)
        statuses = [_status(app, rule, method, ids, owner) for owner in (town.moderator, tenant.owner)]
        if all(status in {403, 404} or status >= 500 for status in statuses):
            closed.append((method, rule.rule, statuses))
    assert closed == []


def _another(town: Town) -> tuple[Tenant, dict[str, int]]:
    tenant = make_tenant(f"机构{next(_numbers)}")
    return tenant, rows_of(tenant, town.moderator)


def _status(app: Flask, rule: Rule, method: str, ids: dict[str, int], owner: User) -> int:
    answer = signed_in(app.test_client(), owner).open(address(app, rule, ids), method=method)
    answer.close()
    return answer.status_code


def strangers(town: Town) -> dict[str, User]:
    """People of the other tenant: with every role there is, and with each alone."""
    people = {"mcn": town.theirs.owner, "operator": town.theirs.operator_owner}
    for kind, house in (
        (OrganisationKind.MCN, town.theirs.mcn),
        (OrganisationKind.ROOM_OPERATOR, town.theirs.operator),
    ):
        people |= {f"{kind}:{role}": make_user(house, role) for role in sorted(ROLES_OF[kind])}
    return people


def test_another_tenants_row_answers_404_on_every_route_like_one_that_does_not_exist(app: Flask, town: Town) -> None:
    missing = dict.fromkeys(town.ids, 10**6)
    typed = {"data": {"name": "x", "roles": ["streamer"], "title": "x"}}
    bodies: dict[str, list[dict[str, object]]] = {"mcn": [{}, typed, {"json": {}}], "operator": [{}, typed]}
    leaks = []
    for who, stranger in strangers(town).items():
        client = signed_in(app.test_client(), stranger)
        for rule, method in calls_with_rows(app):
            expected = 404 if _may(stranger, permission_of(app, rule)) else 403
            for body in bodies.get(who, [{"headers": PROGRAM}]):
                found = client.open(address(app, rule, town.ids), method=method, **body).status_code  # type: ignore[arg-type]
                if found != expected:
                    leaks.append((who, method, rule.rule, found))
            unknown = client.open(address(app, rule, missing), method=method, headers=PROGRAM).status_code
            if unknown != expected:
                leaks.append((who, method, rule.rule, unknown))
    assert leaks == []


def test_rows_of_another_tenant_are_as_they_were(app: Flask, town: Town) -> None:
    def state() -> list[object]:
        db.session.expire_all()
        kinds = (User, Streamer, LiveRoom, LiveSession, Recording, SegmentRow, Case, Upload, Notice, Mail)
        return [
            (type(row).__name__, {column.key: getattr(row, column.key) for column in type(row).__table__.columns})
            for kind in kinds
            for row in db.session.query(kind).order_by(kind.id)
        ]

    client = signed_in(app.test_client(), town.theirs.owner)
    before = state()
    for rule, method in calls_with_rows(app):
        client.open(address(app, rule, town.ids), method=method, data={"name": "x", "roles": ["streamer"]})
    assert state() == before


def test_a_number_no_database_counts_to_is_404(app: Flask, town: Town) -> None:
    client = signed_in(app.test_client(), town.moderator)
    wrong = []
    for rule, method in calls_with_rows(app):
        for url in (beyond(app, rule, town.ids), re.sub(str(BEYOND_COUNTING), str(2**31), beyond(app, rule, town.ids))):
            answer = client.open(url, method=method)
            if answer.status_code not in {403, 404, 405}:
                wrong.append((method, url, answer.status_code))
    assert wrong == []


def _may(user: User, permission: object) -> bool:
    return any(permission in PERMISSIONS[role] for role in user.roles)


# --- headers ---


def bad_headers(answer: TestResponse) -> list[str]:
    return [name for name, value in HEADERS.items() if answer.headers.get(name) != value]


def pages_of(app: Flask, ids: dict[str, int]) -> list[str]:
    """The address of every page, with rows where it needs some."""
    return [address(app, rule, ids) for rule in rules_of(app) if "GET" in (rule.methods or set())]


def test_every_answer_carries_the_security_headers(app: Flask, town: Town) -> None:
    bare = []
    for client in (app.test_client(), *(signed_in(app.test_client(), u) for u in (town.moderator, town.ours.owner))):
        for url in [*pages_of(app, town.ids), "/nothing-here", "/static/../wsgi.py"]:
            answer = client.get(url)
            if bad_headers(answer):
                bare.append((url, answer.status_code, bad_headers(answer)))
            answer.close()
    assert bare == []


def test_the_content_policy_allows_no_inline_code_and_no_other_site() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "http" not in HEADERS["Content-Security-Policy"]


def answers_to_errors(app: Flask, town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, TestResponse]]:
    """One answer for each error a page can give, with the status it must have."""
    client = signed_in(app.test_client(), town.moderator)
    yield 404, client.get("/nothing-here")
    yield 405, client.get("/sign-out")
    yield 422, client.post("/sign-in", data={})
    yield 409, client.post(f"/invitations/{_revoked(town)}/revoke")
    yield 403, signed_in(app.test_client(), town.ours.owner).get("/audit")
    yield 413, client.post("/sign-in", data={"login": "x" * (21 * 1024 * 1024)})
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    yield 400, client.post("/sign-out")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)

    def broken() -> str:
        raise RuntimeError("planted by a test")

    broken.permission = None  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "accounts.asked", broken)
    yield 500, client.get("/reset/asked")


def _revoked(town: Town) -> int:
    by = town.ours.owner.actor
    row = service.invite(town.ours.mcn.id, "某人", frozenset({Role.STREAMER}), by=by).invitation
    service.revoke(row, by=by)
    db.session.commit()
    return row.id


def test_errors_carry_the_headers_too_and_are_pages_of_ours(
    app: Flask, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for expected, answer in answers_to_errors(app, town, monkeypatch):
        assert answer.status_code == expected
        assert bad_headers(answer) == [], expected
        assert "<main" in answer.text, expected
        assert "Traceback" not in answer.text
        assert "planted" not in answer.text
        assert [fault for fault in inline_code(answer.text) if "token" not in fault] == [], expected
        assert answer.headers["X-Request-Id"], expected


# --- inline code ---


class Inspector(HTMLParser):
    """Finds what the content policy would block, what would leak a form, and ids that stand twice."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: set[str] = set()
        self.form: str | None = None
        self.has_token = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        named = dict(attrs)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag} {name}={value!r}>")
            if name in {"href", "src", "action", "formaction"} and re.match(r"\s*(javascript|https?|//)", value or ""):
                self.faults.append(f"<{tag} {name}={value!r}>")
        if tag == "style" or (tag == "script" and not named.get("src") and named.get("type") != "application/json"):
            self.faults.append(f"<{tag}>")
        if (identity := named.get("id")) is not None:
            # Flask-WTF gives each form's token the same id; nothing refers to it.
            if identity in self.ids and identity != "csrf_token":
                self.faults.append(f"id {identity!r} twice")
            self.ids.add(identity)
        if tag == "form" and (named.get("method") or "get").lower() == "post":
            self.form, self.has_token = named.get("action") or "", False
        if tag == "input" and named.get("name") == "csrf_token":
            self.has_token = True

    def handle_endtag(self, tag: str) -> None:
        """A form that writes must have held a token."""
        if tag == "form" and self.form is not None:
            if not self.has_token:
                self.faults.append(f"form to {self.form!r} without a token")
            self.form = None


def inline_code(text: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(text)
    return inspector.faults


def test_the_inspector_sees_what_it_should() -> None:
    for planted in (
        '<p style="color:red">',
        "<button onclick=x>",
        "<script>1</script>",
        "<style>a{}</style>",
        '<a href="javascript:x">',
        '<script src="https://cdn.example/x.js"></script>',
        '<form method="post"></form>',
        '<i id="a"></i><i id="a"></i>',
    ):
        assert inline_code(planted), planted
    assert not inline_code('<script type="application/json">{}</script><script src="/static/x.js"></script>')


def test_no_page_holds_inline_code(guarded: Flask, town: Town) -> None:
    faults = []
    invited = service.invite(town.ours.mcn.id, "周小满", frozenset({Role.STREAMER}), by=town.ours.owner.actor).token
    reset = resets.give_reset(town.ours.owner, by=SYSTEM)
    db.session.commit()
    visitors: dict[str, Callable[[], FlaskClient]] = {
        "nobody": guarded.test_client,
        "moderator": lambda: signed_in(guarded.test_client(), town.moderator),
        "mcn": lambda: signed_in(guarded.test_client(), town.ours.owner),
        "operator": lambda: signed_in(guarded.test_client(), town.ours.operator_owner),
    }
    looked_at = 0
    for who, come in visitors.items():
        client = come()
        for url in [*pages_of(guarded, town.ids), f"/join/{invited}", f"/reset/{reset}", "/nothing-here"]:
            answer = client.get(url)
            if answer.mimetype == "text/html" and answer.status_code != 302:
                looked_at += 1
                faults += [(who, url, fault) for fault in inline_code(answer.text)]
            answer.close()
    assert looked_at > 60
    assert faults == []

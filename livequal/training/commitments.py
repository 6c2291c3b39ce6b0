"""Read-and-sign commitments 承诺书: a signature binds the version and the digest of the text as it was read.

So a change of the text or of the signature can be noticed later (电子签名法 art. 13).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from ..accounts.models import User
from ..accounts.rules import Actor, Permission, Role
from ..audit import service as audit
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Forbidden, Invalid, NotFound
from ..kernel.i18n import gettext
from .commitment_models import CommitmentSignature, CommitmentText
from .content import sha256

TITLE_MAX = 60
BODY_MAX = 20_000
FOR: dict[str, frozenset[Role]] = {
    "streamer": frozenset({Role.STREAMER}),
    "operator": frozenset({Role.ROOM_OPERATOR}),
    "agency": frozenset({Role.MCN_MANAGER, Role.MCN_FILE_APPROVER}),
    "moderator": frozenset({Role.MODERATOR, Role.LEAD_MODERATOR, Role.APPEAL_REVIEWER}),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A version of a commitment, whether it is kept already or still the shipped one."""

    slug: str
    major: int
    minor: int
    title: str
    body: str
    sha256: str

    @property
    def version(self) -> str:
        """The version as people read it."""
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Due:
    """A commitment of somebody's role: the text in force, what was signed last, whether it is to be signed (again)."""

    text: Text
    signed: CommitmentSignature | None

    @property
    def needed(self) -> bool:
        """Nothing signed yet, or a version before the last major change."""
        return self.signed is None or self.signed.text.major < self.text.major


def digest(title: str, body: str) -> str:
    """The digest of a text."""
    return sha256([title, body])


@cache
def shipped(slug: str) -> Text:
    """The text that comes with livequal."""
    head, _newline, body = files(__package__).joinpath("pledges", f"{slug}.md").read_text("utf-8").partition("\n")
    title, body = head.removeprefix("# ").strip(), body.strip()
    return Text(slug, 1, 0, title, body, digest(title, body))


def current(slug: str) -> Text:
    """The version in force.

    Raises: NotFound.
    """
    if slug not in FOR:
        raise NotFound(gettext("There is no such commitment."))
    row = _newest(slug)
    return _text(row) if row else shipped(slug)


def version(slug: str, number: str) -> Text:
    """A version by its number such as 1.0.

    Raises: NotFound.
    """
    now_in_force = current(slug)
    rows = db.session.scalars(select(CommitmentText).where(CommitmentText.slug == slug))
    found = next((_text(row) for row in rows if row.version == number), None)
    if found is None and now_in_force.version != number:
        raise NotFound(gettext("There is no such commitment."))
    return found or now_in_force


def read_as(slug: str, digest_read: str) -> Text | None:
    """The version that somebody read, by its digest; None when there never was one."""
    query = select(CommitmentText).where(CommitmentText.slug == slug, CommitmentText.sha256 == digest_read)
    row = db.session.scalars(query.order_by(CommitmentText.id.desc()).limit(1)).first()
    return _text(row) if row else next((one for one in (shipped(slug),) if one.sha256 == digest_read), None)


def _newest(slug: str, *, lock: bool = False) -> CommitmentText | None:
    query = select(CommitmentText).where(CommitmentText.slug == slug).order_by(CommitmentText.id.desc()).limit(1)
    return db.session.scalars(query.with_for_update() if lock else query).first()


def _text(row: CommitmentText) -> Text:
    return Text(row.slug, row.major, row.minor, row.title, row.body, row.sha256)


def covers(slug: str, actor: Actor) -> bool:
    """Whether a commitment is for what the person does."""
    return bool(FOR.get(slug, frozenset()) & actor.roles)


def dues(actor: Actor) -> list[Due]:
    """The commitments of a person's roles."""
    query = select(CommitmentSignature).where(CommitmentSignature.user_id == actor.user_id)
    signed = {row.text.slug: row for row in db.session.scalars(query.order_by(CommitmentSignature.id))}
    return [Due(current(slug), signed.get(slug)) for slug in FOR if covers(slug, actor)]


def signatures_of(actor: Actor) -> Select[CommitmentSignature]:
    """What somebody signed, newest first."""
    query = select(CommitmentSignature).where(CommitmentSignature.user_id == actor.user_id)
    return query.order_by(CommitmentSignature.id.desc())


def signatures(slug: str = "") -> Select[CommitmentSignature]:
    """Who signed what, newest first."""
    query = select(CommitmentSignature).order_by(CommitmentSignature.id.desc())
    if slug:
        texts = select(CommitmentText.id).where(CommitmentText.slug == slug)
        query = query.where(CommitmentSignature.text_id.in_(texts))
    return query


def sign(slug: str, digest_read: str, *, by: Actor) -> CommitmentSignature:
    """Sign the text that was read; signed again, it is the same signature.

    Raises: NotFound, Forbidden, Conflict when the text was changed since it was read.
    """
    if not covers(slug, by) or by.user_id is None:
        raise Forbidden(gettext("This commitment is for other roles."))
    # The account's row is the lock: two clicks make one signature.
    db.session.execute(select(User.id).where(User.id == by.user_id).with_for_update())
    row = _newest(slug, lock=True)
    text = _text(row) if row else shipped(slug)
    if text.sha256 != digest_read:
        raise Conflict(gettext("The text was changed while you read. Read the new one; what you read stands below it."))
    row = row or _first(slug)
    query = select(CommitmentSignature).where(
        CommitmentSignature.user_id == by.user_id, CommitmentSignature.text_id == row.id
    )
    known = db.session.scalars(query).first()
    if known is not None:
        return known
    signature = CommitmentSignature(
        user_id=by.user_id, text_id=row.id, name=by.name, sha256=text.sha256, signed_at=now()
    )
    db.session.add(signature)
    db.session.flush()
    facts = {"commitment": slug, "version": text.version, "sha256": text.sha256}
    audit.record("commitment.sign", signature, by=by, after=facts)
    return signature


def _first(slug: str) -> CommitmentText:
    """Keep the shipped text; of two who do it at once, one finds the other's row."""
    try:
        with db.session.begin_nested():
            return _kept(shipped(slug))
    except IntegrityError:
        query = select(CommitmentText).where(CommitmentText.slug == slug).order_by(CommitmentText.id)
        return db.session.scalars(query.limit(1)).one()


def _kept(text: Text, by: Actor | None = None) -> CommitmentText:
    row = CommitmentText(
        slug=text.slug,
        major=text.major,
        minor=text.minor,
        title=text.title,
        body=text.body,
        sha256=text.sha256,
        published_by=by.user_id if by else None,
        published_by_name=by.name if by else "livequal",
        published_at=now(),
    )
    db.session.add(row)
    db.session.flush()
    return row


def publish(slug: str, *, title: str, body: str, ask_again: bool, read: str, by: Actor) -> CommitmentText:
    """Put a new version in force. `ask_again`: a major change, which everybody signs anew; `read`: the digest edited.

    Raises: NotFound, Forbidden, Invalid, Conflict when somebody else published meanwhile.
    """
    if not by.may(Permission.STEER_COMMITMENTS):
        raise Forbidden(gettext("Your role can't do this. Ask your administrator if you need it."))
    current(slug)
    row = _newest(slug, lock=True) or _first(slug)
    if row.sha256 != read:
        raise Conflict(gettext("Somebody else published a new version meanwhile. Your text is kept below; compare."))
    title, body = title.strip(), body.replace("\r\n", "\n").strip()
    if not title or len(title) > TITLE_MAX:
        raise Invalid({"title": gettext("Write 1 to %(max)d characters.", max=TITLE_MAX)})
    if not body or len(body) > BODY_MAX:
        raise Invalid({"body": gettext("Write 1 to %(max)d characters.", max=BODY_MAX)})
    if (new := digest(title, body)) == row.sha256:
        raise Invalid({"body": gettext("Nothing was changed.")})
    major, minor = (row.major + 1, 0) if ask_again else (row.major, row.minor + 1)
    published = _kept(Text(slug, major, minor, title, body, new), by)
    facts = {"commitment": slug, "version": published.version, "sha256": new}
    audit.record("commitment.publish", published, by=by, before={"version": row.version}, after=facts)
    return published

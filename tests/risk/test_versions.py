from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.audit.models import AuditEvent
from livequal.kernel.db import db, edge
from livequal.kernel.errors import Forbidden, Invalid, NotFound, WrongState
from livequal.risk import force, overlay, service, shadows, versions
from livequal.risk.matcher import ProductContext
from livequal.risk.models import FlagRow, PackVersion, ShadowHit, UsedPack
from livequal.risk.overlay import Overlay, RuleEntry
from livequal.risk.rules import PackState
from livequal.taxonomy.rules import ProductCategory

from ..factories import make_mcn, make_platform, make_user
from ..recordings import make_recording, run_jobs, transcribed

GOLD = RuleEntry(
    slug="moon-stone",
    title="宣称蓝鲸石特调",
    category="false_material_spec",
    severity=3,
    products=("jewelry", "general"),
    literals=("蓝鲸石特调",),
    always="O117 34",
    hits=("jewelry: 戴上就是蓝鲸石特调",),
    misses=("jewelry: 这颗月亮石很圆",),
)
SAID = "戴上就是蓝鲸石特调"


@pytest.fixture
def house(app: Flask) -> Organisation:
    return make_platform()


@pytest.fixture
def author(house: Organisation) -> User:
    return make_user(house, Role.RULE_OWNER)


@pytest.fixture
def second(house: Organisation) -> User:
    return make_user(house, Role.QUALITY_OFFICER)


def drafted(author: User, *entries: RuleEntry, off: tuple[str, ...] = ()) -> PackVersion:
    version = versions.draft(by=author.actor)
    for entry in entries:
        versions.save_rule(version, entry, version.changes, by=author.actor)
    for slug in off:
        versions.switch(version, slug, version.changes, on=False, by=author.actor)
    return version


def activated(author: User, second: User, *entries: RuleEntry, off: tuple[str, ...] = ()) -> PackVersion:
    version = drafted(author, *entries, off=off)
    versions.submit(version, "试一条新规则", by=author.actor)
    versions.approve(version, "", by=second.actor)
    versions.activate(version, by=author.actor)
    db.session.commit()
    return version


def rules_in(words: str) -> set[str]:
    flags = service.matcher().judge_by_rules(words, ProductContext(ProductCategory.GENERAL))
    return {flag.rule for flag in flags}


def test_an_own_rule_counts_from_its_activation_and_not_before(author: User, second: User) -> None:
    version = drafted(author, GOLD)
    assert "moon-stone" not in rules_in(SAID)
    versions.submit(version, "试一条新规则", by=author.actor)
    versions.approve(version, "看过例句", by=second.actor)
    assert "moon-stone" not in rules_in(SAID)
    versions.activate(version, by=author.actor)
    assert "moon-stone" in rules_in(SAID)
    assert service.pack().version.endswith(f"/{version.number}")
    assert version.sha256 == service.pack().sha256


def test_without_any_version_the_shipped_pack_counts_and_a_second_call_compiles_nothing(app: Flask) -> None:
    assert service.pack() is force.shipped().pack
    assert service.matcher() is service.matcher()


def test_another_process_follows_an_activation_at_its_next_reading(author: User, second: User) -> None:
    before = service.matcher()
    activated(author, second, GOLD)
    force._known.clear()  # as in a process that has never met this version
    assert service.matcher() is not before
    assert service.matcher() is service.matcher()


def test_a_shipped_rule_can_be_changed_and_switched_off(author: User, second: User) -> None:
    from livequal.risk.matcher import CUE

    slug = next(iter(service.matcher().judge_by_rules("全网最低价", ProductContext()))).rule
    assert slug in force.shipped_rules()
    version = activated(author, second, off=(slug,))
    assert slug not in {rule.slug for rule in service.pack().rules}
    changed = overlay.changes_between(force.shipped().pack, service.pack())
    assert {(change.change, change.slug) for change in changed} <= {("removed", slug), ("removed", slug + CUE)}
    assert len(changed) >= 1
    rule = next(rule for rule in force.shipped().pack.rules if rule.slug == slug)
    entry = replace(overlay.entry_of(rule, force.shipped_rules()[slug]), title="改过的标题")
    newer = versions.draft(by=author.actor, origin=version)
    versions.save_rule(newer, entry, newer.changes, was=slug, by=author.actor)
    combination = force.of_version(newer).pack
    mended = next(rule for rule in combination.rules if rule.slug == slug)
    assert mended.title == "改过的标题"
    assert (mended.patterns, mended.products, mended.by_product) == (rule.patterns, rule.products, rule.by_product)


def test_the_stamp_of_a_flag_names_pack_overlay_and_second_reader(author: User, second: User) -> None:
    from livequal.risk.matcher import read_pack

    files = force.shipped_files()
    assert read_pack(files).sha256 != read_pack(files, reader="").sha256
    assert read_pack(files).sha256 != force.combined(overlay.written(Overlay())).pack.sha256
    activated(author, second, GOLD)
    recording = transcribed(make_recording(author), SAID)
    flag = db.session.scalars(select(FlagRow).where(FlagRow.rule == "moon-stone")).one()
    used = db.session.get_one(UsedPack, flag.pack_id)
    assert used.sha256 == service.pack().sha256
    assert "蓝鲸石特调" in used.body
    assert used.reader == service.pack().reader != ""
    assert recording.state == "ready"


def test_a_new_release_keeps_the_active_rules_over_its_pack(
    author: User, second: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    activated(author, second, GOLD)
    before = service.pack()
    newer = dict(force.shipped_files())
    newer["pack.yaml"] = newer["pack.yaml"].replace(b'version: "1.0.0"', b'version: "9.0.0"')
    _release(monkeypatch, newer)
    assert service.pack().version.startswith("9.0.0/")
    assert service.pack().sha256 != before.sha256
    assert "moon-stone" in rules_in(SAID)


def _release(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    from livequal.risk.matcher import read_pack

    base = force.Force(read_pack(files), files)
    monkeypatch.setattr(force, "shipped_files", lambda: files)
    monkeypatch.setattr(force, "shipped", lambda: base)
    monkeypatch.setattr(force, "combined", force.combined.__wrapped__)


def test_rules_that_do_not_fit_a_new_release_stop_the_reading_instead_of_getting_lost(
    author: User, second: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(GOLD, literals=(), patterns=("蓝鲸石{disease}",), hits=("jewelry: 蓝鲸石糖尿病",))
    version = activated(author, second, entry)
    newer = dict(force.shipped_files())
    newer["pack.yaml"] = newer["pack.yaml"].replace(b"  disease: >-", b"  illness: >-")
    newer = {name: content.replace(b"{disease}", b"{illness}") for name, content in newer.items()}
    _release(monkeypatch, newer)
    with pytest.raises(WrongState, match=str(version.number)):
        service.matcher()


@pytest.mark.parametrize("state", ["approved", "active"])
def test_the_author_does_not_approve_her_own_rules_and_the_database_says_so_too(author: User, state: str) -> None:
    version = drafted(author, GOLD)
    versions.submit(version, "试一条新规则", by=author.actor)
    with pytest.raises(Forbidden):
        versions.approve(version, "", by=author.actor)
    db.session.commit()
    for approver in (author.id, None):
        with pytest.raises(IntegrityError):
            db.session.execute(
                text("UPDATE pack_version SET state = :state, approver_id = :approver WHERE id = :id"),
                {"state": state, "approver": approver, "id": version.id},
            )
        db.session.rollback()


def test_only_one_version_is_active_whatever_anybody_writes(author: User, second: User) -> None:
    first = activated(author, second, GOLD)
    newer = activated(author, second)
    assert (first.state, newer.state) == (PackState.RETIRED, PackState.ACTIVE)
    with pytest.raises(IntegrityError):
        db.session.execute(text("UPDATE pack_version SET state = 'active' WHERE id = :id"), {"id": first.id})
    db.session.rollback()


def test_a_version_that_left_its_draft_is_frozen(author: User, second: User) -> None:
    version = drafted(author, GOLD)
    versions.submit(version, "试一条新规则", by=author.actor)
    with pytest.raises(WrongState):
        versions.save_rule(version, replace(GOLD, slug="another"), version.changes, by=author.actor)
    versions.approve(version, "", by=second.actor)
    versions.activate(version, by=author.actor)
    with pytest.raises(WrongState):
        versions.drop_rule(version, "moon-stone", version.changes, by=author.actor)


def test_nobody_but_its_author_changes_a_draft(author: User, second: User) -> None:
    version = drafted(author, GOLD)
    with pytest.raises(Forbidden):
        versions.save_rule(version, GOLD, version.changes, was=GOLD.slug, by=second.actor)


def test_the_second_of_two_edits_of_one_state_is_told(author: User) -> None:
    version = drafted(author, GOLD)
    seen = version.changes
    versions.save_rule(version, replace(GOLD, title="甲"), seen, was=GOLD.slug, by=author.actor)
    with pytest.raises(versions.StaleVersion):
        versions.save_rule(version, replace(GOLD, title="乙"), seen, was=GOLD.slug, by=author.actor)


def test_rules_whose_examples_fail_leave_no_draft(author: User) -> None:
    version = drafted(author, replace(GOLD, hits=("jewelry: 这里什么也没有",)))
    assert [one.passes for one in versions.examined(version)] == [False]
    with pytest.raises(WrongState, match="moon-stone"):
        versions.submit(version, "试一条新规则", by=author.actor)
    with pytest.raises(WrongState, match="moon-stone"):
        versions.shadow(version, by=author.actor)


def test_a_returned_version_is_a_draft_again_with_the_reason(author: User, second: User) -> None:
    version = drafted(author, GOLD)
    versions.submit(version, "试一条新规则", by=author.actor)
    with pytest.raises(Invalid):
        versions.send_back(version, "", by=second.actor)
    versions.send_back(version, "反例太少", by=second.actor)
    assert (version.state, version.answer) == (PackState.DRAFTED, "反例太少")


def test_rolling_back_makes_a_new_version_with_the_old_content(author: User, second: User) -> None:
    first = activated(author, second, GOLD)
    newer = activated(author, second, replace(GOLD, slug="other-stone", literals=("紫鲸石特调",), hits=("紫鲸石特调",)))
    back = versions.roll_back(first, "新规则误报太多", by=second.actor)
    assert (back.state, back.number, back.overlay) == (PackState.ACTIVE, newer.number + 1, first.overlay)
    assert (back.author_id, back.approver_id, back.origin_id) == (author.id, second.id, first.id)
    assert service.pack().sha256 == first.sha256
    with pytest.raises(WrongState):
        versions.roll_back(versions.draft(by=author.actor), "x", by=author.actor)


def test_after_the_active_version_is_put_away_the_shipped_pack_counts_alone(author: User, second: User) -> None:
    version = activated(author, second, GOLD)
    versions.retire(version, by=author.actor)
    assert service.pack() is force.shipped().pack


def test_every_step_is_on_record(author: User, second: User) -> None:
    version = activated(author, second, GOLD)
    acts = db.session.scalars(
        select(AuditEvent.action).where(AuditEvent.subject_id == str(version.id)).order_by(AuditEvent.seq)
    ).all()
    assert acts == ["pack.draft", "pack.rule", "pack.submit", "pack.approve", "pack.activate"]


def test_versions_are_the_platforms_alone(author: User) -> None:
    version = drafted(author, GOLD)
    stranger = make_user(make_mcn(), Role.MCN_MANAGER)
    with pytest.raises(NotFound):
        versions.get(version.id, stranger.actor)
    assert db.session.scalars(versions.listed(stranger.actor)).all() == []


def test_a_shadowed_version_is_read_along_and_nothing_follows(author: User) -> None:
    version = drafted(author, GOLD)
    versions.shadow(version, by=author.actor)
    db.session.commit()
    recording = transcribed(make_recording(author), SAID, "今天全网最低价")
    assert db.session.scalars(select(FlagRow).where(FlagRow.rule == "moon-stone")).all() == []
    hits = db.session.scalars(shadows.hits_of(version.id)).all()
    assert {(hit.rule, hit.also_active) for hit in hits} >= {("moon-stone", False)}
    assert any(hit.also_active for hit in hits)
    counts = {one.rule: (one.hits, one.also_active) for one in shadows.counts_of(version.id)}
    assert counts["moon-stone"] == (1, 0)
    with edge():
        from livequal.flow import FLOW  # noqa: F401 - the handlers stand
        from livequal.kernel import bus
        from livequal.streams.events import TranscriptReady

        transcript_id = hits[0].transcript_id
        bus.emit(TranscriptReady(recording.id, transcript_id))
    run_jobs("scan")
    assert db.session.query(ShadowHit).count() == len(hits), "read again, the hits take the place of the earlier ones"


def test_only_one_version_is_shadowed(author: User) -> None:
    versions.shadow(drafted(author, GOLD), by=author.actor)
    other = drafted(author, replace(GOLD, slug="other-stone"))
    with pytest.raises(WrongState):
        versions.shadow(other, by=author.actor)
    assert db.session.get_one(PackVersion, other.id, populate_existing=True).state == PackState.DRAFTED

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.accounts.rules import SYSTEM, Actor
from livequal.audit import service
from livequal.audit.rules import FORMULA_STARTS, canonical, inert, sha256
from livequal.kernel.db import db

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
def test_the_canonical_form_is_the_same_whatever_the_order_and_reads_back(fields: dict[str, object]) -> None:
    assert canonical(dict(reversed(fields.items()))) == canonical(fields)
    assert json.loads(canonical(fields)) == fields


def test_a_moment_is_recorded_in_utc_whatever_its_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert canonical({"at": noon.astimezone(timezone(timedelta(hours=8)))}) == canonical({"at": noon})


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical({"at": object()})


@given(st.text())
def test_no_cell_of_an_export_starts_like_a_formula(text: str) -> None:
    assert not inert(text).startswith(FORMULA_STARTS)
    assert inert(text).removeprefix("'") == text.removeprefix("'")


def test_an_act_is_recorded_with_the_digest_of_its_canonical_payload(session: None) -> None:
    before, after = {"state": "dead"}, {"state": "queued"}
    event = service.record("job.retry", ("job", 12), by=Actor(7, "韩梅"), before=before, after=after, reason="again")
    facts = json.loads(event.payload)
    assert event.payload == canonical(facts)
    assert event.sha256 == sha256(event.payload)
    assert (facts["actor"], facts["actor_name"], facts["subject"]) == (7, "韩梅", ["job", "12"])
    assert (facts["before"], facts["after"], facts["reason"]) == (before, after, "again")


def test_the_record_is_filtered_by_act_person_and_row(session: None) -> None:
    service.record("job.retry", ("job", 1), by=SYSTEM)
    service.record("job.cancel", ("job", 2), by=Actor(7, "韩梅"))
    service.record("person.leave", ("user_account", 2), by=Actor(7, "韩梅"))

    def found(**asked: object) -> list[str]:
        return [event.action for event in db.session.scalars(service.events(**asked))]

    assert found() == ["person.leave", "job.cancel", "job.retry"]
    assert found(action="job.retry") == ["job.retry"]
    assert found(actor_id=7) == ["person.leave", "job.cancel"]
    assert found(subject_type="job", subject_id="2") == ["job.cancel"]

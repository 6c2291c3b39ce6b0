"""Serials, names behind a mask, and how a certificate stands at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.training.ledger import (
    CertificateEventKind,
    CertificateState,
    Happened,
    grouped,
    masked,
    read_serial,
    serial_of,
    state_at,
    valid_until,
)

K, S = CertificateEventKind, CertificateState
DAY = timedelta(days=1)
PASSED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
random = st.binary(min_size=10, max_size=10)


@given(random)
def test_a_serial_is_read_however_it_is_typed(bits: bytes) -> None:
    serial = serial_of(bits)
    assert len(serial) == 17
    for typed in (serial, serial.lower(), grouped(serial), f" {grouped(serial)} ".replace("-", " ")):
        assert read_serial(typed) == serial
    assert read_serial(serial.replace("0", "O").replace("1", "l")) == serial
    wide = "".join(chr(ord(one) + 0xFEE0) for one in serial)
    assert read_serial(wide) == serial


@given(random, st.integers(0, 16), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_is_always_noticed(bits: bytes, place: int, wrong: str) -> None:
    serial = serial_of(bits)
    typed = serial[:place] + wrong + serial[place + 1 :]
    assert read_serial(typed) == (serial if typed == serial else None)


@given(random, st.integers(0, 16), st.integers(0, 16))
def test_two_characters_that_changed_places_are_always_noticed(bits: bytes, one: int, other: int) -> None:
    serial = serial_of(bits)
    letters = list(serial)
    letters[one], letters[other] = letters[other], letters[one]
    typed = "".join(letters)
    assert read_serial(typed) == (serial if typed == serial else None)


def test_different_bits_give_different_serials() -> None:
    assert len({serial_of(number.to_bytes(10, "big")) for number in range(5000)}) == 5000


@pytest.mark.parametrize("typed", ["", "0", "U" * 17, "0" * 16, "0" * 18, "证书" * 8 + "0"])
def test_what_is_no_serial_is_mistyped(typed: str) -> None:
    assert read_serial(typed) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三", "张*"),
        ("张三丰", "张*丰"),
        ("欧阳娜娜", "欧**娜"),
        ("古丽·买买提", "古*·**提"),
        ("䶮", "*"),
        ("Anna Bell", "A*** ***l"),
        ("·", "*"),
    ],
)
def test_strangers_see_a_name_behind_a_mask(name: str, shown: str) -> None:
    assert masked(name) == shown


@pytest.mark.parametrize(
    ("passed", "ends"),
    [
        ("2026-03-01T08:00:00+08:00", "2027-03-01T08:00:00+08:00"),
        ("2028-02-29T08:00:00+08:00", "2029-02-28T08:00:00+08:00"),
        # 29 February in Shanghai, 28 in London.
        ("2028-02-28T17:00:00+00:00", "2029-02-28T01:00:00+08:00"),
    ],
)
def test_a_certificate_holds_for_twelve_months_from_passing(passed: str, ends: str) -> None:
    assert valid_until(datetime.fromisoformat(passed)) == datetime.fromisoformat(ends)


@pytest.mark.parametrize(
    ("kinds", "after_days", "state"),
    [
        ([K.ISSUED], 1, S.VALID),
        ([K.ISSUED], 365, S.EXPIRED),
        ([K.ISSUED, K.SUSPENDED], 100, S.SUSPENDED),
        ([K.ISSUED, K.SUSPENDED, K.REINSTATED], 100, S.VALID),
        ([K.ISSUED, K.SUSPENDED], 366, S.EXPIRED),
        ([K.ISSUED, K.REVOKED], 100, S.REVOKED),
        ([K.ISSUED, K.REVOKED], 900, S.REVOKED),
        ([K.ISSUED, K.SUPERSEDED], 900, S.SUPERSEDED),
    ],
)
def test_how_a_certificate_stands_follows_from_its_events_and_dates(
    kinds: list[CertificateEventKind], after_days: int, state: CertificateState
) -> None:
    events = [Happened(kind, PASSED + number * DAY) for number, kind in enumerate(kinds)]
    assert state_at(events, valid_until(PASSED), PASSED + after_days * DAY) is state


def test_what_happened_later_does_not_change_how_it_stood_before() -> None:
    events = [Happened(K.ISSUED, PASSED), Happened(K.REVOKED, PASSED + 10 * DAY)]
    assert state_at(events, valid_until(PASSED), PASSED + 9 * DAY) is S.VALID

"""The password hash as it is in production (the other tests use a cheap one)."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from livequal.accounts import passwords as cheap


@pytest.fixture(scope="module")
def passwords() -> ModuleType:
    """The module as it is loaded outside of tests."""
    spec = importlib.util.find_spec("livequal.accounts.passwords")
    assert spec
    assert spec.loader
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh


def test_passwords_are_kept_as_argon2id_of_at_least_64_mib_and_three_passes(passwords: ModuleType) -> None:
    kept = passwords.hashed("three lanterns lit")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.fits(kept, "three lanterns lit")
    assert not passwords.fits(kept, "three lanterns out")


def test_an_unknown_account_costs_the_same_check(passwords: ModuleType) -> None:
    assert not passwords.outdated(passwords._NOBODYS)
    assert not passwords.fits(None, "anything")


def test_a_hash_of_other_parameters_is_outdated_and_nonsense_never_fits(passwords: ModuleType) -> None:
    assert passwords.outdated(cheap.hashed("three lanterns lit"))
    assert not cheap.fits("", "")
    assert not cheap.fits("not a hash", "not a hash")

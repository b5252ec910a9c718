"""Passwords: the hash, what they must be like, and limits before work (M13, M14)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from daypass.proof import password
from daypass.proof.password import DEFAULT_RULES, MAX_PASSWORD, Rules, fault_in, hash_of, matches

SALT = bytes(range(16))
GOOD = "correct horse 7 battery"


def test_a_hash_is_argon2id_at_owasps_cost() -> None:
    made = hash_of(GOOD, SALT)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    Argon2id.verify_phc_encoded(GOOD.encode(), made)  # what others read it as
    assert matches(GOOD, made) and not matches(GOOD + " ", made) and not matches(GOOD.upper(), made)
    assert hash_of(GOOD, bytes(16)) != made


def test_one_spelling_of_what_looks_the_same() -> None:
    assert matches("cafe\u0301 12345", hash_of("caf\u00e9 12345", SALT))


def test_M14_a_password_that_is_too_long_is_never_hashed() -> None:
    made = hash_of("x" * MAX_PASSWORD, SALT)
    assert matches("x" * MAX_PASSWORD, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "unicodedata", None)  # the first step of the work
        assert not matches("x" * (MAX_PASSWORD + 1), made)
        for length in (MAX_PASSWORD + 1, 1_000_000):
            with pytest.raises(ValueError, match="at most 128"):
                hash_of("x" * length, SALT)


@pytest.mark.parametrize(
    ("rules", "bad", "good", "said"),
    [
        (Rules(14), "thirteen char", "fourteen chars", "minimum length of 14"),
        (Rules(6, uppercase=True), "\u00c4 lower", "A lower", "uppercase"),
        (Rules(6, lowercase=True), "\u00e4 UPPER", "a UPPER", "lowercase"),
        (Rules(6, numbers=True), "no \u0663 number", "no 3 number", "number"),
        (Rules(6, symbols=True), "no symbol ~", "a symbol |", "symbol"),
        (DEFAULT_RULES, "onlylower77", "Lower77lower", "at least three of"),
        (DEFAULT_RULES, "Sh0rt!x", "Sh0rt!xy", "minimum length of 8"),
    ],
)
def test_rules(rules: Rules, bad: str, good: str, said: str) -> None:
    assert said in (fault_in(bad, rules) or "")
    assert fault_in(good, rules) is None


@pytest.mark.parametrize("guessed", ["Password1!", "P@ssw0rd2026", "Welcome123!", "Summer2026!", "1Q2w3e4r!!", "Admin-2026"])
def test_M13_what_is_guessed_first_is_refused_with_a_reason(guessed: str) -> None:
    assert "first to be guessed" in (fault_in(guessed, DEFAULT_RULES) or "")


def test_M13_names_and_few_characters() -> None:
    assert "name of the user" in (fault_in("Bob.Smith-1", DEFAULT_RULES, ["bob.smith-1"]) or "")
    assert fault_in("Bob.Smith-12", DEFAULT_RULES, ["bob.smith-1", ""]) is None
    assert "different characters" in (fault_in("Aa1Aa1Aa1", DEFAULT_RULES) or "")


def test_M13_long_ones_and_any_character_of_the_model_are_taken() -> None:
    assert fault_in("Aa1" + "\u00e9 \t~" * 31, DEFAULT_RULES) is None

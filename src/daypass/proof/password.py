"""Passwords: hashed, compared, and held to rules. Does not know whose they are, keeps none, and counts no guesses.

Hashing takes tens of milliseconds and 19 MiB on purpose: call it where it holds nobody up.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from daypass.values.folding import fold

MAX_PASSWORD = 128  # characters; IAM model, passwordType. Checked before any work (attack row M14)
SALT_BYTES = 16  # RFC 9106 §3.1
MEMORY_KIB, ITERATIONS, LANES = 19 * 1024, 2, 1  # OWASP Password Storage Cheat Sheet, Argon2id
TAG_BYTES = 32  # RFC 9106 §4
CLASSES_BY_DEFAULT = 3  # of the four kinds of character; IAM User Guide, "Default password policy"
MIN_DIFFERENT = 4  # characters: "Ab1Ab1Ab1" is no password

# IAM User Guide, "Custom password policy options": the characters that count as symbols.
SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
# What guessers try first, among what AWS's own rules let through (NIST SP 800-63B §3.1.1.2 asks for such a list).
COMMON = (
    "password", "passw0rd", "p@ssw0rd", "p@ssword", "pa$$word", "welcome", "letmein", "changeme", "changeit", "qwerty", "qwertz", "azerty",
    "iloveyou", "admin", "administrator", "secret", "default", "summer", "winter", "spring", "autumn", "monkey", "dragon", "football",
    "baseball", "princess", "sunshine", "starwars", "master", "superman", "trustno1", "hello", "login", "test", "temp", "user", "root",
    "1q2w3e4r", "1qaz2wsx", "qazwsx", "zaq12wsx", "abc123", "123456", "1234567", "12345678", "123456789", "1234567890", "abcd1234",
)  # fmt: skip
_TRIMMED = "0123456789 !@#$%^&*()_+-=[]{}|'.,?;:"  # what people put around such a word
_CORES = frozenset(word.strip(_TRIMMED) for word in COMMON) - {""}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a password must be like; without `mixed` only what is named counts, with it three of the four kinds of character."""

    minimum_length: int
    uppercase: bool = False
    lowercase: bool = False
    numbers: bool = False
    symbols: bool = False
    mixed: bool = False


DEFAULT_RULES = Rules(minimum_length=8, mixed=True)  # IAM User Guide, "Default password policy"


def hash_of(password: str, salt: bytes) -> str:
    """The PHC string of Argon2id over `password`, with `salt` of SALT_BYTES random bytes. Raises ValueError for one that is too long."""
    function = Argon2id(salt=salt, length=TAG_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    return function.derive_phc_encoded(_material(password))


def matches(password: str, phc: str) -> bool:
    """Whether `phc` was made of `password`; one that is too long to have a hash matches none."""
    if len(password) > MAX_PASSWORD:
        return False
    try:
        Argon2id.verify_phc_encoded(_material(password), phc)
    except InvalidKey:
        return False
    return True


def _material(password: str) -> bytes:
    if len(password) > MAX_PASSWORD:
        raise ValueError(f"a password has at most {MAX_PASSWORD} characters")
    return unicodedata.normalize("NFC", password).encode()  # one spelling of what looks the same (NIST SP 800-63B §3.1.1.2)


def fault_in(password: str, rules: Rules, names: Iterable[str] = ()) -> str | None:
    """What is wrong with a new password, in a sentence for its owner, or None. It may be none of `names`, those of user and account."""
    upper, lower = any("A" <= c <= "Z" for c in password), any("a" <= c <= "z" for c in password)
    number, symbol = any("0" <= c <= "9" for c in password), any(c in SYMBOLS for c in password)
    if len(password) < rules.minimum_length:
        return f"Password should have a minimum length of {rules.minimum_length}"
    if rules.uppercase and not upper:
        return "Password should have at least one uppercase letter"
    if rules.lowercase and not lower:
        return "Password should have at least one lowercase letter"
    if rules.numbers and not number:
        return "Password should have at least one number"
    if rules.symbols and not symbol:
        return f"Password should have at least one symbol from: {' '.join(sorted(SYMBOLS))}"
    if rules.mixed and upper + lower + number + symbol < CLASSES_BY_DEFAULT:
        return "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
    return _guessable(password, names)


def _guessable(password: str, names: Iterable[str]) -> str | None:
    folded = fold(password)
    if folded in {fold(name) for name in names if name}:
        return "Password should not be the name of the user, of the account, or its e-mail address"
    if len(set(folded)) < MIN_DIFFERENT:
        return f"Password should have at least {MIN_DIFFERENT} different characters"
    if folded in COMMON or folded.strip(_TRIMMED) in _CORES:
        return "Password should not be a word that is among the first to be guessed, with or without digits and signs around it"
    return None

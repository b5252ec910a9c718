import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daypass.passes import RANDOM_BYTES, SealKeyValue, open_with_secret, secret_of
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.values.session import Origin, Pass

Mint = Callable[..., Pass]
Keys = Mapping[str, SealKeyValue]
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def refusal(mint: Mint, **arguments: Any) -> tuple[str, int | None]:
    with pytest.raises(Refusal) as caught:
        mint(**arguments)
    return caught.value.code, caught.value.status


def test_a_pass_is_a_session_its_secret_and_its_token(mint: Mint, key: SealKeyValue, keys: Keys) -> None:
    made = mint()
    session = made.session
    assert (session.kind, session.account, session.principal_id, session.name) == (
        "role",
        "123456789012",
        "AROA" + "B" * 17,
        "canary-session",
    )
    assert (session.issued, session.expires) == (int(NOW.timestamp()), int(NOW.timestamp()) + 3600)
    assert made.secret == secret_of(session, key)
    assert open_with_secret(made.token.reveal().decode(), keys) == (session, made.secret)
    assert made.packed_size == 0


def test_the_account_is_in_the_key_id(mint: Mint) -> None:
    for account in ("000000000001", "123456789012", "999999999999"):
        key_id = mint(account=account).session.key_id
        assert key_id.startswith(ids.TEMPORARY)
        assert ids.account_of_key_id(key_id) == account


def test_each_part_of_the_random_bytes_is_used_once(mint: Mint) -> None:
    whole = mint(random=bytes(RANDOM_BYTES))
    for position in range(RANDOM_BYTES):
        other = mint(random=bytes(position) + b"\1" + bytes(RANDOM_BYTES - position - 1))
        changed = (other.session.id != whole.session.id, other.session.key_id != whole.session.key_id)
        assert changed == (position < 16, 16 <= position < 21)
        assert other.token != whole.token
        assert (other.secret != whole.secret) == (position < 21)


def test_the_session_id_has_128_bits(mint: Mint) -> None:
    assert len(mint().session.id) == 16


@pytest.mark.parametrize("size", [0, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
def test_random_bytes_are_not_made_up_here(mint: Mint, size: int) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        mint(random=bytes(size))


def test_times_are_whole_seconds_cut_off(mint: Mint) -> None:
    session = mint(now=NOW + timedelta(microseconds=999_999)).session
    assert (session.issued, session.expires) == (int(NOW.timestamp()), int(NOW.timestamp()) + 3600)


@pytest.mark.parametrize("size", [1, 1000, 4096])
def test_a_least_size_is_kept_to(mint: Mint, size: int) -> None:
    assert len(mint(minimum_size=size).token.reveal()) >= size


@pytest.mark.parametrize("size", [-1, 4097])
def test_a_least_size_out_of_range_is_refused(mint: Mint, size: int) -> None:
    assert refusal(mint, minimum_size=size) == ("ValidationError", 400)


def test_mfa_is_kept_by_a_users_session_only(mint: Mint) -> None:
    """Fact sheet A, §3.5: sessions made by AssumeRole carry no MFA context."""
    user = mint(kind="user", principal_id="AIDA" + "U" * 17, mfa_at=1790000000).session
    assert user.mfa_at == 1790000000
    assert mint(mfa_at=1790000000).session.mfa_at == 0
    assert mint(parent=user).session.mfa_at == 0


def test_a_users_session_is_made_by_that_user_alone(mint: Mint) -> None:
    """C37, C38: no session becomes another principal's own."""
    user = {"kind": "user", "principal_id": "AIDA" + "U" * 17}
    own = mint(**user)
    assert mint(**user, parent=own.session).session.principal_id == own.session.principal_id
    for parent in (
        mint(),
        mint(kind="user", principal_id="AIDA" + "V" * 17),
        mint(**user, account="222222222222"),
        mint(principal_id="AIDA" + "U" * 17),
    ):
        assert refusal(mint, **user, parent=parent.session) == ("AccessDenied", 403)


def test_p3_no_line_of_passes_outlives_or_outgrows_its_beginning(mint: Mint) -> None:
    line = [mint(duration=1800, tags={"Team": "red"}, transitive=("Team",), source_identity="me")]
    for step in range(1, 6):
        line.append(mint(parent=line[-1].session, now=NOW + timedelta(minutes=5 * step), duration=3600, tags={"Step": str(step)}))
    for older, younger in itertools.pairwise(line):
        assert younger.session.expires <= older.session.expires
        assert younger.session.source_identity == "me"
        assert ("Team", "red") in younger.session.tags
        assert dict(younger.session.tags)["Step"] == str(len(younger.session.ancestors))
        assert older.session.id in {ancestor.id for ancestor in younger.session.ancestors}
    assert refusal(mint, parent=line[0].session, now=NOW + timedelta(minutes=30)) == ("ExpiredToken", 403)


def test_iterables_are_read_once(mint: Mint, keys: Keys) -> None:
    made = mint(policy_arns=iter(["arn:a"]), tags=iter([("A", "1")]), transitive=iter(["a"]))
    assert (made.session.policy_arns, made.session.tags, made.session.transitive) == (("arn:a",), (("A", "1"),), ("A",))
    assert open_with_secret(made.token.reveal().decode(), keys)[0] == made.session


def test_the_proof_it_was_minted_from_is_kept(mint: Mint) -> None:
    origin = Origin("oidc", "arn:aws:iam::123456789012:oidc-provider/idp", "subject", "audience", "jti")
    assert mint(origin=origin).session.origin == origin

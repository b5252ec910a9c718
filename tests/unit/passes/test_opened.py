from collections.abc import Callable, Mapping

import pytest

from daypass.passes import OpenedTokens, SealKeyValue
from daypass.values.errors import ProofError
from daypass.values.secret import Secret
from daypass.values.session import Pass

Mint = Callable[..., Pass]
Keys = Mapping[str, SealKeyValue]


def test_a_token_opened_before_gives_the_same(mint: Mint, keys: Keys) -> None:
    opened, made = OpenedTokens(), mint()
    token = made.token.reveal().decode()
    first = opened.open(token, keys)
    assert first == (made.session, made.secret)
    assert opened.open(token, keys)[0] is first[0]
    assert len(opened) == 1


@pytest.mark.parametrize("state", ["revoked", None])
def test_a_key_that_was_revoked_or_is_gone_closes_what_it_opened(mint: Mint, keys: Keys, key: SealKeyValue, state: str | None) -> None:
    opened, token = OpenedTokens(), mint().token.reveal().decode()
    opened.open(token, keys)
    after = {} if state is None else {key.id: SealKeyValue(key.id, Secret(bytes(range(32))), "revoked")}
    with pytest.raises(ProofError):
        opened.open(token, after)
    assert len(opened) == 0


def test_a_retained_key_goes_on_opening(mint: Mint, keys: Keys, key: SealKeyValue) -> None:
    opened, made = OpenedTokens(), mint()
    opened.open(made.token.reveal().decode(), keys)
    retained = {key.id: SealKeyValue(key.id, Secret(bytes(range(32))), "retained")}
    assert opened.open(made.token.reveal().decode(), retained) == (made.session, made.secret)


def test_what_is_refused_is_not_remembered(keys: Keys) -> None:
    opened = OpenedTokens()
    for n in range(10):
        with pytest.raises(ProofError):
            opened.open("A" * (44 + 4 * n), keys)
    assert len(opened) == 0


def test_it_is_bounded_and_forgets_the_oldest(mint: Mint, keys: Keys) -> None:
    opened = OpenedTokens(limit=3)
    tokens = [mint().token.reveal().decode() for _ in range(5)]
    sessions = [opened.open(token, keys)[0] for token in tokens]
    assert len(opened) == 3
    assert opened.open(tokens[4], keys)[0] is sessions[4]
    assert opened.open(tokens[0], keys)[0] is not sessions[0]
    assert len(opened) == 3

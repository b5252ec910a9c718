from collections.abc import Callable

import pytest

from daypass.passes import ancestors_of_child
from daypass.values.errors import Refusal
from daypass.values.session import MAX_ANCESTORS, Ancestor, Pass

Mint = Callable[..., Pass]


def test_what_comes_from_a_long_term_key_or_an_idp_has_no_ancestors(mint: Mint) -> None:
    assert ancestors_of_child(None) == ()
    assert mint().session.ancestors == ()


def test_a_child_names_all_that_it_descends_from_the_first_first(mint: Mint) -> None:
    first = mint().session
    second = mint(parent=first, account="222222222222", principal_id="AROA" + "D" * 17).session
    third = mint(parent=second).session
    assert third.ancestors == (
        Ancestor(first.id, first.principal_id, first.issued),
        Ancestor(second.id, "AROA" + "D" * 17, second.issued),
    )


def test_the_ninth_generation_is_refused(mint: Mint) -> None:
    made = mint()
    for depth in range(1, MAX_ANCESTORS + 1):
        made = mint(parent=made.session)
        assert len(made.session.ancestors) == depth
    with pytest.raises(Refusal) as caught:
        mint(parent=made.session)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


def test_the_long_term_key_at_the_root_stays_named(mint: Mint) -> None:
    first = mint(source_key="AKIA" + "R" * 16).session
    assert mint(parent=mint(parent=first).session, source_key="").session.source_key == "AKIA" + "R" * 16
    assert mint(parent=first, source_key="AKIA" + "X" * 16).session.source_key == "AKIA" + "R" * 16
    keyless = mint(source_key="").session
    assert mint(parent=keyless, source_key="AKIA" + "X" * 16).session.source_key == ""

"""Records and Index: names fold in ASCII, lists are in order and never change under a reader."""

from __future__ import annotations

from conformance.samples import HERE, THERE, key, managed, user
from daypass.store.indices import Index, Records
from daypass.store.records import AccessKey, User


def _users(*users: User) -> Records[User]:
    records: Records[User] = Records()
    for one in users:
        records.put(one)
    return records


def test_lists_are_by_folded_name() -> None:
    records = _users(user(1, name="b"), user(2, name="C"), user(3, name="a"), user(4, name="B", account=THERE))
    assert [one.name for one in records.of(HERE)] == ["a", "b", "C"]
    assert [one.name for one in records.of(THERE)] == ["B"]
    assert records.of("333333333333") == ()
    assert {one.id for one in records} == {user(n).id for n in (1, 2, 3, 4)}


def test_a_list_that_a_reader_holds_does_not_change() -> None:
    records = _users(user(1, name="a"))
    held = records.of(HERE)
    records.put(user(2, name="b"))
    assert [one.name for one in held] == ["a"]
    now = records.of(HERE)
    records.remove(user(1).id)
    assert [one.name for one in now] == ["a", "b"]
    assert [one.name for one in records.of(HERE)] == ["b"]


def test_lookups_are_exact_but_for_ascii_case() -> None:
    ann = user(1, name="Ann", path="/x/")
    records = _users(ann)
    assert records.named(HERE, "aNN") is ann
    assert records.named(THERE, "Ann") is None
    assert records.by_arn("arn:aws:iam::111111111111:user/x/Ann") is ann
    assert records.by_arn("arn:aws:iam::111111111111:user/x/ann") is None
    assert records.find("nobody") is None


def test_names_may_be_exchanged_in_one_change() -> None:
    records = _users(user(1, name="a"), user(2, name="b"))
    records.put(user(1, name="b"))
    records.put(user(2, name="a"))
    assert [(name, found.id) for name in "ab" if (found := records.named(HERE, name))] == [("a", user(2).id), ("b", user(1).id)]
    arns = user(1, name="a").arn, user(1, name="b").arn
    assert [found.id for arn in arns if (found := records.by_arn(arn))] == [user(2).id, user(1).id]


def test_records_without_a_name_or_arn_are_listed_by_id() -> None:
    records: Records[AccessKey] = Records()
    for one in (key(2), key(1)):
        records.put(one)
    assert [one.id for one in records.of(HERE)] == [key(1).id, key(2).id]
    assert records.remove("none such") is None
    assert records.remove(key(1).id) == key(1)
    assert len(records) == 1


def test_an_index_follows_keys_that_come_and_go() -> None:
    arn = managed().arn
    index: Index[User] = Index(lambda one: one.policies)
    before, after = user(1, name="b", policies=(arn, arn)), user(1, name="b", policies=("other",))
    index.replace(None, before)
    index.replace(None, user(2, name="a", policies=(arn,)))
    assert [one.name for one in index.of(arn)] == ["a", "b"]
    index.replace(before, after)
    assert [one.name for one in index.of(arn)] == ["a"]
    assert list(index.of("other")) == [after]
    index.replace(after, None)
    assert list(index.of("other")) == []

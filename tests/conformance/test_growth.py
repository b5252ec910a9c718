"""What must not grow with the number of roles: what a look, a change, a page and a decision cost, and what a role takes in memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from conformance.samples import ALLOW, DENY, HERE, NOW, THERE, TRUST, managed, putting, role, session
from daypass.services.pages import cut, cut_ordered
from daypass.store import Changes, open_store
from daypass.store.keys import FileKey
from daypass.store.records import Role
from daypass.store.snapshot import Snapshot
from daypass.values.caller import Caller
from daypass.values.errors import Refusal

FEW, MANY = 10, 5000
ACCOUNTS = [f"{number:012d}" for number in range(300000000000, 300000000010)]
PER_ROLE = 3000  # bytes; documents that nobody else has are 300 of them
FLAT = 3.0  # times: 500 times as many roles would show
AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def _one(n: int) -> Role:
    """A role as it comes from the database: nothing in it is an object that another role has."""
    inline = ALLOW.replace('"Resource":"*"', f'"Resource":"arn:aws:s3:::bucket-{n}/*"')
    made = role(
        n, account=ACCOUNTS[n % len(ACCOUNTS)], name=f"worker-{n:06d}", trust=TRUST % HERE + " " * 300, policies=(AWS_POLICY,),
        inline={"own": inline}, tags=(("team", "blue"), ("stage", "prod")),
    )  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(made), type=Role)


def _snapshot(count: int) -> Snapshot:
    snapshot = Snapshot()
    snapshot.apply([managed(1, account=ACCOUNTS[0]), *(_one(n) for n in range(count))], ())
    return snapshot


@pytest.fixture(scope="module")
def few() -> Snapshot:
    return _snapshot(FEW)


@pytest.fixture(scope="module")
def many() -> Snapshot:
    return _snapshot(MANY)


def _caller(of: Role) -> Caller:
    return Caller("role", of.account, of.arn, of.id, of.arn, of.id)


LOOKS: dict[str, Callable[[Snapshot], object]] = {
    "by id": lambda s: s.roles.find(_one(3).id),
    "by name": lambda s: s.roles.named(ACCOUNTS[3], "Worker-000003"),
    "by ARN": lambda s: s.roles.by_arn(f"arn:aws:iam::{ACCOUNTS[3]}:role/worker-000003"),
    "the uses of a policy": lambda s: s.uses(ACCOUNTS[3], AWS_POLICY),
    "a change": lambda s: s.apply([_one(3)], ()),
    "a role more and less": lambda s: (s.apply([_one(10**6)], ()), s.apply([], [(Role, _one(10**6).id)])),
    "its policies, changed": lambda s: (s.apply([_one(3)], ()), s.layers_of(_caller(_one(3)))),
    "its trust policy, changed": lambda s: (s.apply([changed := _one(3)], ()), s.trust_of(changed)),
    "whether a session is over": lambda s: s.ended(session(1, _one(3))),
    "a policy made": lambda s: s.apply([managed(1, account=ACCOUNTS[0])], ()),
}


@pytest.mark.parametrize("look", LOOKS)
def test_it_costs_the_same_among_many(look: str, few: Snapshot, many: Snapshot) -> None:
    best = {id(few): float("inf"), id(many): float("inf")}
    for _ in range(12):  # in turn, so that other work on the machine falls on both
        for snapshot in (few, many):
            begun = time.thread_time()
            for _ in range(30):
                LOOKS[look](snapshot)
            best[id(snapshot)] = min(best[id(snapshot)], time.thread_time() - begun)
    assert best[id(many)] < FLAT * best[id(few)]


def test_a_page_looks_at_no_more_than_itself_and_its_way_there() -> None:
    looked: list[int] = []

    def key(number: int) -> str:
        looked.append(number)
        return f"{number:06d}"

    refusal = Refusal("ValidationError", "no")
    page, marker = cut_ordered(range(MANY), key=key, scope="s", marker=None, limit=10, refusal=refusal)
    page, marker = cut_ordered(range(MANY), key=key, scope="s", marker=marker, limit=10, refusal=refusal)
    assert page == list(range(10, 20))
    assert len(looked) < 20
    assert cut(reversed(range(MANY)), key=key, scope="s", marker=marker, limit=10, refusal=refusal)[0] == list(range(20, 30))
    with pytest.raises(Refusal):
        cut_ordered(range(MANY), key=key, scope="another", marker=marker, limit=10, refusal=refusal)


def test_a_role_takes_little_memory() -> None:
    rows = [msgspec.json.encode(_one(n)) for n in range(MANY)]
    snapshot = Snapshot()
    tracemalloc.start()
    try:
        begun = tracemalloc.get_traced_memory()[0]
        snapshot.apply([msgspec.json.decode(row, type=Role) for row in rows], ())
        taken = tracemalloc.get_traced_memory()[0] - begun
    finally:
        tracemalloc.stop()
    assert len(snapshot.roles) == MANY
    assert taken < PER_ROLE * MANY
    one, other = snapshot.roles.of(ACCOUNTS[0])[:2]
    assert one.trust is other.trust and one.account is other.account and one.trusted is other.trusted


def test_roles_that_trust_alike_have_one_compiled_policy(many: Snapshot) -> None:
    one, other = many.roles.of(ACCOUNTS[0])[:2]
    assert many.trust_of(one) is many.trust_of(other)
    bound = msgspec.structs.replace(one, id="AROAOTHER", trusted={f"arn:aws:iam::{HERE}:user/ann": "AIDAANN"})
    assert many.trust_of(bound) is not many.trust_of(other)


def test_what_is_compiled_is_bounded_and_stays_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.layers.MAX_COMPILED", 20)
    monkeypatch.setattr("daypass.store.layers.MAX_PRINCIPALS", 10)
    snapshot = _snapshot(100)
    for _ in range(2):
        for one in list(snapshot.roles):
            own = snapshot.layers_of(_caller(one)).identity[0]
            assert own.document.statements[0].resources == (f"arn:aws:s3:::bucket-{int(one.name[-6:])}/*",)
            assert snapshot.trust_of(one).principals() == {("AWS", HERE)}
    layers = snapshot._layers
    assert (len(layers._compiled._held), len(layers._own), len(layers._trust)) == (20, 10, 10)


def test_loading_and_compiling_tell_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.feed._PART", 100)
    monkeypatch.setattr("daypass.store.layers.MAX_AHEAD", 300)
    store = open_store(tmp_path / "db", FileKey(tmp_path / "key"), NOW)
    store.write(putting(*(_one(n) for n in range(1000))))
    store.close()
    said: list[tuple[str, int, int]] = []
    store = open_store(tmp_path / "db", FileKey(tmp_path / "key"), NOW, told=lambda *news: said.append(news))
    store.snapshot.compile_ahead(lambda *news: said.append(news))
    assert len(store.snapshot.roles) == 1000
    store.close()
    records = [news[1:] for news in said if news[0] == "records"]
    assert [done for done, _ in records] == list(range(100, 1001, 100)) and {total for _, total in records} == {1000}
    policies = [news[1:] for news in said if news[0] == "policies"]
    assert policies[0] == (0, 300) and policies[-1] == (300, 300)


def test_what_most_have_is_compiled_first_and_what_is_unreadable_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("daypass.store.layers.MAX_AHEAD", 2)
    snapshot = Snapshot()
    broken = DENY[:-1]
    snapshot.apply([role(n, account=THERE, inline={"shared": broken, f"own-{n}": ALLOW}) for n in range(20)], ())
    with caplog.at_level("ERROR"):
        snapshot.compile_ahead(lambda *news: None)
    assert [vars(found)["policy"] for found in caplog.records] == ["shared"]
    assert len(snapshot._layers._compiled._held) == 2


def test_the_newest_passes_are_found_by_an_index(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db", FileKey(tmp_path / "key"), NOW)
    with store._database.reading() as connection:
        query = "EXPLAIN QUERY PLAN SELECT * FROM passes WHERE expires > 0 AND (issued, session_id) < (9, x'00') " \
            "ORDER BY issued DESC, session_id DESC LIMIT 10"  # fmt: skip
        plan = json.dumps([tuple(row) for row in connection.exec_driver_sql(query)])
    store.close()
    assert "passes_by_age" in plan and "TEMP B-TREE" not in plan


def test_many_changes_in_one_are_taken_in() -> None:
    changes = Changes()
    for n in range(MANY):
        changes.put(_one(n))
    snapshot = Snapshot()
    snapshot.apply(changes.records, ())
    assert [one.name for one in snapshot.roles.of(ACCOUNTS[1])][:3] == ["worker-000001", "worker-000011", "worker-000021"]

"""The way of a request: what it waits for, how each failure is answered, and that every way ends with one line."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.store import Conflict, StoreFailed
from daypass.store.records import Account
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.handle import Answer, Pending, handle
from daypass.way.operation import OPERATIONS
from rig.node import HOST, Refused, TestNode, request_for
from unit.way.town import Town


def count(town: Town) -> int:
    """How many lines are durable."""
    return town.it.node.ledger.head.seq


def swap(monkeypatch: pytest.MonkeyPatch, service: str, name: str, run: Callable[..., Any]) -> None:
    """Have the operation do `run`."""
    monkeypatch.setitem(OPERATIONS, (service, name), replace(OPERATIONS[service, name], run=run))


# -- the rooms


def test_reading_is_answered_at_once_and_changing_on_the_storage_thread(town: Town) -> None:
    reading = handle(town.it.node, request_for("iam", "ListUsers", {}, town.operator, town.it.now), town.it.now)
    assert isinstance(reading, Answer)
    assert not reading.changed
    changing = handle(town.it.node, request_for("iam", "CreateUser", {"UserName": "u"}, town.operator, town.it.now), town.it.now)
    assert isinstance(changing, Pending)
    assert changing.room == "storage"
    assert town.it.store.snapshot.users.named(town.account, "u") is None
    done = changing.then(changing.work())
    assert isinstance(done, Answer)
    assert done.changed
    assert town.it.store.snapshot.users.named(town.account, "u") is not None


def test_a_refused_change_goes_nowhere_near_the_storage_thread(town: Town) -> None:
    poor = town.user("poor", "")
    assert isinstance(handle(town.it.node, request_for("iam", "CreateUser", {"UserName": "u"}, poor, town.it.now), town.it.now), Answer)


def test_a_committed_change_has_its_line_in_the_outbox(town: Town) -> None:
    changing = handle(town.it.node, request_for("iam", "CreateUser", {"UserName": "u"}, town.operator, town.it.now), town.it.now)
    assert isinstance(changing, Pending)
    done = changing.then(changing.work())
    assert isinstance(done, Answer)
    assert (done.event.request_id, done.line) in town.it.store.outbox_lines()


# -- failures


def test_others_committed_first_and_it_is_tried_once_more(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    store, write, tries = town.it.store, town.it.store.write, []

    def contested(*given: Any) -> None:
        tries.append(given)
        if len(tries) == 1:
            raise Conflict("changes", "others have written since")
        write(*given)

    monkeypatch.setattr(store, "write", contested)
    assert town.iam("CreateUser", UserName="u")["User"]["UserName"] == "u"
    assert len(tries) == 2


def test_the_second_try_sees_what_the_others_did(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """H69 over nodes: two make one name; the second is told of the first, not overwritten and not doubled."""
    aside = town.it.directory / "other"  # a ledger has one writer
    aside.mkdir()
    shutil.copy(town.it.directory / "root.key", aside)
    other = TestNode(aside, database=str(town.it.directory / "daypass.db"), name="other")
    try:
        other.now = town.it.now
        catch_up = town.it.store.catch_up
        late = iter([lambda: other.call("iam", "CreateUser", {"UserName": "Twin"}, town.operator)])

        def after(now: Any) -> int:
            taken = catch_up(now)
            for act in late:
                act()
            return taken

        monkeypatch.setattr(town.it.store, "catch_up", after)
        with pytest.raises(Refused) as refused:
            town.iam("CreateUser", UserName="twin")
        assert (refused.value.code, refused.value.status) == ("EntityAlreadyExists", 409)
        assert [(ask.action, decision.allowed) for ask, decision in refused.value.answer.event.decisions] == [("iam:CreateUser", True)]
    finally:
        other.close()


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (Conflict("users", "the-inner-reason"), "ConcurrentModification", 409),
        (StoreFailed("the-inner-reason"), "ServiceUnavailable", 503),
        (OSError(5, "the-inner-reason"), "ServiceUnavailable", 503),
        (ValueError("the-inner-reason"), "InternalFailure", 500),
    ],
)
@pytest.mark.parametrize("where", ["write", "catch_up"])
def test_changes_that_fail(town: Town, monkeypatch: pytest.MonkeyPatch, where: str, failure: Exception, code: str, status: int) -> None:
    def fail(*_: Any) -> None:
        raise failure

    before = count(town)
    with monkeypatch.context() as patch, pytest.raises(Refused) as refused:
        patch.setattr(town.it.store, where, fail)
        town.iam("CreateUser", UserName="u")
    assert (refused.value.code, refused.value.status) == (code, status)
    assert b"the-inner-reason" not in refused.value.answer.response.body
    assert not refused.value.answer.changed
    assert count(town) == before + 1
    assert town.iam("CreateUser", UserName="u")  # nothing was left half-done


def test_a_store_that_cannot_be_read_is_unavailable(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StoreFailed("gone")

    monkeypatch.setattr(town.it.store, "passes", fail)
    with pytest.raises(Refused) as refused:
        town.it.call("daypass", "ListSessions", {}, town.operator)
    assert refused.value.status == 503


@pytest.mark.parametrize("operation", ["ListUsers", "CreateUser"])
def test_F37_an_unhandled_exception_is_500_without_detail_and_with_one_line(
    town: Town, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    def broken(ctx: Context, **_: Any) -> None:
        if ctx.staged is not None:
            ctx.changes.put(Account(id="1" * 12, account="1" * 12, created=ctx.now, name="half", email="h@example.test"))
        raise ZeroDivisionError("secret detail")

    swap(monkeypatch, "iam", operation, broken)
    before = count(town)
    with pytest.raises(Refused) as refused:
        town.iam(operation, **({"UserName": "u"} if operation == "CreateUser" else {}))
    answer = refused.value.answer
    assert (refused.value.code, refused.value.status) == ("InternalFailure", 500)
    assert refused.value.message == "The request processing has failed because of an unknown error."
    assert answer.event.request_id.encode() in answer.response.body
    assert b"detail" not in answer.response.body
    assert b"Zero" not in answer.response.body
    assert count(town) == before + 1
    last = json.loads(town_line(answer))
    assert last["errorCode"] == "InternalFailure"
    assert town.it.store.snapshot.accounts.find("1" * 12) is None
    assert town.iam("ListRoles")  # and only that request failed


def town_line(answer: Answer) -> bytes:
    """The body of the line, as an object."""
    text = answer.line.strip()
    return text if text.startswith(b"{") else b"{" + text.rstrip(b",") + b"}"


def test_the_answer_that_leaves_when_its_line_cannot_be_written(town: Town) -> None:
    answer = handle(town.it.node, request_for("sts", "GetCallerIdentity", {}, town.operator, town.it.now), town.it.now)
    assert isinstance(answer, Answer)
    instead = answer.unrecorded()
    assert instead.status == 503
    assert b"ServiceUnavailable" in instead.body
    assert answer.event.request_id.encode() in instead.body


def test_F04_without_a_ledger_nothing_changes_and_reading_goes_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town.it.node.ledger, "state", "full")
    for operation, parameters, status in (("CreateUser", {"UserName": "u"}, 503), ("ListUsers", {}, 200)):
        outcome = handle(town.it.node, request_for("iam", operation, parameters, town.operator, town.it.now), town.it.now)
        assert isinstance(outcome, Answer)
        assert outcome.response.status == status
    assert town.it.store.snapshot.users.named(town.account, "u") is None


def test_a_failed_errand_is_counted_while_the_storage_thread_counts_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    lock: Any = town.it.store.reading()
    free: list[bool] = []

    def spend(peer: str, now: float) -> None:
        thread = threading.Thread(target=lambda: free.append(lock.acquire(blocking=False)))
        thread.start()
        thread.join()

    town.provider()
    arn = town.role("web")
    town.fetcher.held, town.fetcher.fails = None, Refusal("IDPCommunicationError", "away")
    monkeypatch.setattr(town.it.node.throttle, "spend", spend)
    with pytest.raises(Refused, match="away"):
        town.sts("AssumeRoleWithWebIdentity", None, RoleArn=arn, RoleSessionName="s1", WebIdentityToken=town.token())
    assert free == [False]


# -- before any work


@pytest.mark.parametrize("host", [HOST, f"{HOST}:9400", HOST.upper()])
def test_hosts_that_are_ours(town: Town, host: str) -> None:
    assert town.it.call("sts", "GetCallerIdentity", {}, town.operator, host=host)


LONG = f"{HOST}:" + "9" * 300


@pytest.mark.parametrize("host", ["evil.test", f"{HOST}.evil.test", f"evil.test:{HOST}", f"{HOST}.", "", f"x{HOST}", LONG])
def test_hosts_that_are_not(town: Town, host: str) -> None:
    request = request_for("sts", "GetCallerIdentity", {}, town.operator, town.it.now)
    headers = tuple((name, host.encode() if name == b"host" else value) for name, value in request.headers)
    answer = town.it.send(replace(request, headers=headers))
    assert answer.response.status == 403
    assert "host" in answer.event.private
    assert HOST.encode() not in answer.response.body


def test_stale_state_decides_nothing(town: Town) -> None:
    rules = town.it.node.rules
    town.it.now += timedelta(seconds=rules.max_staleness)
    assert town.sts("GetCallerIdentity", town.operator)
    town.it.now += timedelta(microseconds=1)
    with pytest.raises(Refused) as refused:
        town.sts("GetCallerIdentity", town.operator)
    assert (refused.value.code, refused.value.status) == ("ServiceUnavailable", 503)
    town.it.store.catch_up(town.it.now)
    assert town.sts("GetCallerIdentity", town.operator)


def test_who_proves_nothing_too_often_has_to_wait(tmp_path: Path) -> None:
    town = Town(tmp_path, burst=3)
    try:
        for _ in range(3):
            with pytest.raises(Refused, match="MissingAuthenticationToken"):
                town.it.call("sts", "GetCallerIdentity")
        with pytest.raises(Refused) as refused:
            town.it.call("sts", "GetCallerIdentity")
        assert (refused.value.code, refused.value.status) == ("Throttling", 400)
        assert town.it.call("sts", "GetCallerIdentity", {}, town.operator, peer="192.0.2.8")  # another address
        assert town.it.operator()  # the operator's socket
        town.it.now += timedelta(seconds=1)
        assert town.it.call("sts", "GetCallerIdentity", {}, town.operator)
    finally:
        town.it.close()


def test_proven_callers_are_not_counted(tmp_path: Path) -> None:
    town = Town(tmp_path, burst=2)
    try:
        poor = town.user("poor", "")
        for _ in range(10):
            with pytest.raises(Refused, match="AccessDenied"):
                town.iam("ListUsers", poor)
    finally:
        town.it.close()


def test_what_is_modelled_and_not_offered(town: Town) -> None:
    with pytest.raises(Refused) as refused:
        town.it.call("iam", "SendDelegationToken", {"DelegationRequestId": "a" * 20}, town.operator)
    assert (refused.value.code, refused.value.status) == ("InvalidAction", 400)
    with pytest.raises(Refused, match="The parameter ProvidedContexts is not offered by this server"):
        contexts = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x"}]
        town.assume(town.operator, "arn:aws:iam::123456789012:role/r", ProvidedContexts=contexts)


def test_each_request_has_an_id_of_its_own_and_one_line(town: Town) -> None:
    before = count(town)
    first = town.it.send(request_for("iam", "ListUsers", {}, town.operator, town.it.now))
    second = town.it.send(request_for("iam", "ListUsers", {}, None, town.it.now))
    assert first.event.request_id != second.event.request_id
    assert count(town) == before + 2

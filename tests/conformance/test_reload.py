"""Whatever was changed: the snapshot that followed along, that of a node that caught up, and a freshly loaded one are the same."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.conftest import Opener
from conformance.holdings import HOLDINGS, OWNED, saml_key, saml_provider, service_credential, signing_certificate, ssh_key
from conformance.samples import (
    ALLOW,
    DENY,
    EPOCH,
    HERE,
    NOW,
    THERE,
    access_report,
    account,
    account_settings,
    device,
    group,
    guard,
    handshake,
    key,
    login,
    managed,
    order,
    organization,
    profile,
    provider,
    report,
    role,
    seal_key,
    session,
    unit,
    used,
    user,
)
from daypass.store import Changes, Conflict, Snapshot
from daypass.store.records import Record
from daypass.store.tables import TABLES
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask

_number = st.integers(1, 4)
_account = st.sampled_from([HERE, THERE])
_name = st.sampled_from(["", "a", "A", "b"])
_policies = st.lists(st.sampled_from([managed(n).arn for n in (1, 2)]), max_size=2).map(tuple)
_boundary = st.sampled_from(["", managed(1).arn])
_time = st.integers(-1, 1).map(lambda seconds: NOW + timedelta(seconds=seconds))

_parent = st.sampled_from(["", "r-0001", "r-0002", unit(1).id, unit(2).id])
_guards = st.lists(st.sampled_from([guard(n).id for n in (1, 2)]), max_size=2).map(tuple)
_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")

_records: st.SearchStrategy[Record] = st.one_of(
    st.builds(account, _account, parent=_parent, status=st.sampled_from(["ACTIVE", "SUSPENDED"]), policies=_guards),
    st.builds(organization, st.integers(1, 2), account=_account, policy_types=st.sampled_from([(), _TYPES]), policies=_guards),
    st.builds(unit, _number, _parent.filter(bool), policies=_guards, full_access=st.booleans()),
    st.builds(guard, _number, st.sampled_from([ALLOW, DENY]), st.sampled_from(_TYPES)),
    st.builds(handshake, _number),
    st.builds(account_settings, st.sampled_from([HERE, THERE]), alias=st.sampled_from(["", "acme", "other"])),
    st.builds(login, st.builds(user, _number)),
    st.builds(device, _number, st.none() | st.builds(user, _number)),
    st.builds(report),
    st.builds(access_report, _number, st.none() | st.builds(user, _number)),
    st.builds(user, _number, account=_account, name=_name, policies=_policies, boundary=_boundary,
              groups=st.lists(st.sampled_from([group(n).id for n in (1, 2, 3)]), max_size=2).map(tuple)),
    st.builds(group, _number, account=_account, name=_name, policies=_policies),
    st.builds(role, _number, account=_account, name=_name, policies=_policies, boundary=_boundary),
    st.builds(managed, _number, account=_account, name=_name),
    st.builds(key, _number, st.sampled_from([user(1), user(2)]), slot=st.sampled_from([1, 2]), active=st.booleans()),
    st.builds(profile, _number, st.sampled_from([None, role(1), role(2)])),
    st.builds(provider, _number),
    st.builds(saml_provider, _number),
    st.builds(saml_key, _number, st.builds(saml_provider, _number)),
    st.sampled_from(HOLDINGS),
    *(st.builds(kind, _number, st.builds(user, _number)) for kind in (ssh_key, signing_certificate, service_credential)),
    st.builds(used, _number),
    st.builds(seal_key, _number, st.sampled_from(["pending", "active", "retained", "revoked"])),
    st.builds(order, st.sampled_from(["session", "subtree"]), st.sampled_from([session(n).id.hex() for n in (1, 2)]), n=_number),
    st.builds(order, st.just("principal"), st.sampled_from([role(1).id, user(1).id]), n=_number, before=_time),
    st.builds(order, st.just("issued-before"), account=st.sampled_from(["", HERE, THERE]), n=_number, before=_time),
)  # fmt: skip
_steps = st.lists(st.lists(st.tuples(st.sampled_from(["put", "put", "put", "delete"]), _records), min_size=1, max_size=4), max_size=12)

_PARENT = session(1, user(1), issued=EPOCH)
_PROBES = (
    _PARENT,
    session(2, role(1), _PARENT, issued=EPOCH + 1),
    session(3, role(2, account=THERE), _PARENT, session(2), issued=EPOCH - 1),
    session(4, role(1), issued=EPOCH, source_key=key(1).id),
)


def _names(seen: Snapshot, at: str) -> list[list[str]]:
    """The names of the policies around the root of an account and around a role in it, level by level."""
    caller = Caller(kind="root", account=at, arn=root_arn(at), user_id=at, principal_arn=root_arn(at), principal_id=at)
    layers = seen.layers_of(caller, Ask("sts:AssumeRole", "*", at))
    return [[one.name for one in level] for level in (*layers.scps, *layers.rcps)]


def _view(seen: Snapshot) -> dict[str, Any]:
    """All that a snapshot can be asked, over the samples."""
    arns = [managed(n, account=at).arn for n in (1, 2) for at in (HERE, THERE)]
    view: dict[str, Any] = {"seal": set(seen.open_seal_keys)}
    for kind, table in TABLES.items():
        records = seen.records(kind)
        everything = sorted(records, key=lambda record: record.id)
        view[table.name] = everything
        assert len(records) == len(everything)
        for at in (HERE, THERE, ""):
            view[table.name, at] = list(records.of(at))
        for record in everything:
            assert records.find(record.id) is record
            if (name := getattr(record, "name", None)) is not None:
                assert records.named(record.account, name.upper()) is record
            if (arn := getattr(record, "arn", None)) is not None:
                assert records.by_arn(arn) is record
        view[table.name, "names"] = [records.named(at, name) for at in (HERE, THERE) for name in ("a", "b", "user-1", "role-1")]
        view[table.name, "arns"] = [records.by_arn(arn) for arn in (user(1).arn, role(1).arn, role(1, name="A").arn, *arns)]
    view["closed"] = set(seen.closed_accounts)
    view["paths"] = [seen.tree.path(id) for id in (HERE, THERE, "r-0001", *(unit(n).id for n in range(1, 5)))]
    view["below"] = [list(seen.tree.below(id)) for id in ("r-0001", "r-0002", *(unit(n).id for n in (1, 2)))]
    view["guarded"] = [list(seen.tree.attached(guard(n).id)) for n in (1, 2)]
    view["guards"] = [_names(seen, at) for at in (HERE, THERE)]
    view["attachments"] = [list(seen.attachments(at, arn)) for at in (HERE, THERE) for arn in arns]
    view["boundaries"] = [list(seen.boundary_uses(at, arn)) for at in (HERE, THERE) for arn in arns]
    view["uses"] = [seen.uses(at, arn) for at in (HERE, THERE) for arn in arns]
    view["members"] = [list(seen.members(group(n).id)) for n in range(1, 5)]
    view["keys"] = [list(seen.keys_of(user(n).id)) for n in range(1, 5)]
    owners = [*(user(n).id for n in range(1, 5)), *(saml_provider(n).id for n in range(1, 5))]
    view["owned"] = [list(seen.owned(type(one), owner)) for one in OWNED for owner in owners]
    view["devices"] = [list(seen.devices_of(user(n).id)) for n in range(1, 5)]
    view["aliases"] = [seen.account_of_alias(alias) for alias in ("acme", "other")]
    view["profiles"] = [list(seen.profiles_of(role(n).id)) for n in range(1, 5)]
    view["ended"] = [seen.ended(probe) for probe in _PROBES]
    view["documents"] = [seen.document_of(arn) for arn in arns]
    return view


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only says which kind of database to make
@given(steps=_steps)
def test_following_along_catching_up_and_loading_give_the_same(new_database: Opener, steps: list[list[tuple[str, Record]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        open_it = new_database(Path(directory))
        one, follower = open_it(), open_it()
        for step in steps:
            changes = Changes()
            for what, record in step:
                if what == "put":
                    changes.put(record)
                elif one.snapshot.records(type(record)).find(record.id) is not None:
                    changes.delete(record)
            before = _view(one.snapshot)
            try:
                one.write(changes)
            except Conflict:
                assert _view(one.snapshot) == before
            if len(changes.records) % 2:
                follower.catch_up(NOW)
        follower.catch_up(NOW)
        fresh = open_it()
        assert _view(one.snapshot) == _view(fresh.snapshot)
        assert _view(follower.snapshot) == _view(fresh.snapshot)
        for store in (one, follower, fresh):
            store.close()

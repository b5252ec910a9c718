"""Compiled policies of principals and roles, remembered until they change; an unreadable one denies everything. Does not decide."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from daypass import policy
from daypass.store.records import Group, ManagedPolicy, Principal, Record, Role, User
from daypass.values.caller import Caller
from daypass.values.session import Session

if TYPE_CHECKING:
    from daypass.store.snapshot import Snapshot

MAX_COMPILED = 16384  # policy texts of principals kept compiled, some kB each
MAX_SESSION_COMPILED = 2048  # those of sessions, apart, so that many sessions cannot crowd out the principals' own

log = logging.getLogger(__name__)

Own = tuple[tuple[policy.Policy, ...], policy.Policy | None]  # identity policies, boundary


class Layers:
    """What the snapshot's records mean to `policy.decide`.

    INVARIANT: results are remembered only by the thread that changes the snapshot, or under the lock that keeps changes away, so that
    nothing is remembered of a state that is gone.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._own: dict[str, Own] = {}
        self._trust: dict[str, policy.Policy] = {}
        self._told: set[str] = set()
        self._compiled = Compiled(MAX_COMPILED)
        self._of_sessions = Compiled(MAX_SESSION_COMPILED)

    def changed(self, record: Record) -> None:
        """Forget what `record`, put or removed, had a part in."""
        if isinstance(record, (Group, ManagedPolicy)):
            self._own.clear()
            self._told.clear()
        elif isinstance(record, (User, Role)):
            self._own.pop(record.id, None)
            self._trust.pop(record.id, None)

    def of(self, caller: Caller) -> policy.Layers:
        """The layers of `caller`: none at all (so nothing is allowed) for one that has no principal."""
        own = self._own.get(caller.principal_id)
        if own is None:
            principal = self._snapshot.principal(caller.principal_id)
            own = ((), None) if principal is None else self._read(principal)
            if principal is not None:
                self._own[principal.id] = own
        session = caller.session
        if session is None or not (session.policy or session.policy_arns):
            return policy.Layers(own[0], own[1], None)
        return policy.Layers(own[0], own[1], self._session(session))

    def trust(self, role: Role) -> policy.Policy:
        """The trust policy of `role`, bound to the principals that it named when it was written."""
        found = self._trust.get(role.id)
        if found is None:
            found = _read(role.trust, "trust", "trust policy", f"{role.arn} trust policy", role.trusted)
            if self._snapshot.roles.find(role.id) is role:
                self._trust[role.id] = found
        return found

    def _read(self, principal: User | Role) -> Own:
        identity = list(self._attached(principal))
        if isinstance(principal, User):
            for group_id in principal.groups:
                group = self._snapshot.groups.find(group_id)
                if group is None:
                    # (1) a group that cannot be found may have denied something: deny, never pass over it
                    found = {"user": principal.arn, "group": group_id, "consequence": "everything is denied to the user"}
                    log.error("group cannot be read", extra=found)
                    identity.append(policy.unreadable("identity", group_id))
                else:
                    identity.extend(self._attached(group))
        # (2) a boundary that cannot be found bounds to nothing
        boundary = self._managed(principal.boundary, "boundary", self._compiled) if principal.boundary else None
        return tuple(identity), boundary

    def _attached(self, principal: Principal) -> Iterable[policy.Policy]:
        for name, text in principal.inline.items():
            yield self._compiled.get(text, "identity", name)
        for arn in principal.policies:
            yield self._managed(arn, "identity", self._compiled)

    def _session(self, session: Session) -> tuple[policy.Policy, ...]:
        passed = [self._of_sessions.get(session.policy, "session", "session policy")] if session.policy else []
        passed.extend(self._managed(arn, "session", self._of_sessions) for arn in session.policy_arns)
        return tuple(passed)

    def _managed(self, arn: str, kind: policy.Kind, compiled: Compiled) -> policy.Policy:
        # (3) an attached policy that is gone is not the same as none
        text = self._snapshot.document_of(arn)
        if text is None:
            if arn not in self._told:  # once, since a session that names it may ask as often as it likes
                self._told.add(arn)
                log.error("policy is gone", extra={"policy": arn, "consequence": "everything is denied where it is attached"})
            return policy.unreadable(kind, arn)
        return compiled.get(text, kind, arn)


class Compiled:
    """Policies by what they are made of; the oldest goes when there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[tuple[str, str, str], policy.Policy] = {}

    def get(self, text: str, kind: policy.Kind, name: str) -> policy.Policy:
        """The policy, compiled; one that denies everything when `text` cannot be read."""
        key = (kind, name, text)
        found = self._held.get(key)
        if found is None:
            found = _read(text, kind, name, name, {})
            if len(self._held) >= self._limit:
                self._held.pop(next(iter(self._held)), None)
            self._held[key] = found
        return found


def _read(text: str, kind: policy.Kind, name: str, where: str, principals: dict[str, str]) -> policy.Policy:
    try:
        return policy.read_policy(text, kind, name=name, principals=principals)
    except policy.PolicyError as error:
        # (4) attack row C43: unreadable means deny, and an alarm
        found = {"policy": where, "kind": kind, "error": str(error), "consequence": "it denies everything"}
        log.error("policy cannot be read", extra=found)
        return policy.unreadable(kind, name)



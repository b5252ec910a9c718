"""What stands around a caller: its policies and those of its organization, compiled and remembered until they change. Does not decide."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from daypass import policy
from daypass.store.bounded import Bounded
from daypass.store.changes import Told
from daypass.store.compiled import Compiled
from daypass.store.guards import Guards
from daypass.store.records import (
    Account,
    Group,
    ManagedPolicy,
    Organization,
    OrganizationalUnit,
    OrganizationPolicy,
    Principal,
    Record,
    Role,
    User,
)
from daypass.values.caller import Caller
from daypass.values.decision import Ask
from daypass.values.session import Session

if TYPE_CHECKING:
    from daypass.store.snapshot import Snapshot

MAX_COMPILED = 16384  # policies of principals kept compiled, some 7 KiB each
MAX_AHEAD = 10_000  # policies compiled at the start: some two seconds
MAX_PRINCIPALS = 16_384  # whose policies are kept gathered, with which they are kept compiled as well: as many as sessions at work
MAX_SESSION_COMPILED = 2048  # those of sessions, apart, so that many sessions cannot crowd out the principals' own

log = logging.getLogger(__name__)

_OF_ORGANIZATIONS = (Account, Organization, OrganizationalUnit, OrganizationPolicy)
_NOTHING = policy.Layers()


class Layers:
    """What the snapshot's records mean to `policy.decide`.

    INVARIANT: results are remembered only by the thread that changes the snapshot, or under the lock that keeps changes away, so that
    nothing is remembered of a state that is gone.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._own: Bounded[str, policy.Layers] = Bounded(MAX_PRINCIPALS)
        self._trust: Bounded[str, policy.Policy] = Bounded(MAX_PRINCIPALS)
        self._told: Bounded[str, None] = Bounded(MAX_PRINCIPALS)  # what alarms there were
        self._compiled = Compiled(MAX_COMPILED)
        self._of_sessions = Compiled(MAX_SESSION_COMPILED)
        self._guards = Guards(snapshot.tree, snapshot.organization_policies, self._compiled)

    def compile_ahead(self, told: Told) -> None:
        """Compile the policies that most principals have, so that nobody waits for them and what is unreadable is told of at once.

        `told` is told how far this is. Not more than MAX_AHEAD: all others are compiled when they are asked.
        """
        texts: Counter[tuple[str, str]] = Counter()
        arns: Counter[tuple[str, policy.Kind]] = Counter()
        trusts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        roles: dict[object, Role] = {}
        for holder in (*self._snapshot.users, *self._snapshot.groups, *self._snapshot.roles):
            texts.update(holder.inline.items())
            arns.update((arn, "identity") for arn in holder.policies)
            if holder.boundary:
                arns[holder.boundary, "boundary"] += 1
            if isinstance(holder, Role):
                trust = holder.trust, tuple(sorted(holder.trusted.items()))
                trusts[trust] += 1
                roles.setdefault(trust, holder)
        work: list[tuple[int, Callable[[], object]]] = []
        work += [(n, partial(self.trust, roles[trust])) for trust, n in trusts.most_common(MAX_AHEAD)]
        work += [(n, partial(self._managed, arn, kind, self._compiled)) for (arn, kind), n in arns.most_common(MAX_AHEAD)]
        work += [(n, partial(self._compiled.get, text, "identity", name)) for (name, text), n in texts.most_common(MAX_AHEAD)]
        chosen = nlargest(MAX_AHEAD, work, key=itemgetter(0))
        for done, (_, compile_one) in enumerate(chosen):
            told("policies", done, len(chosen))
            compile_one()
        told("policies", len(chosen), len(chosen))

    def changed(self, record: Record) -> None:
        """Forget what `record`, put or removed, had a part in."""
        if isinstance(record, (Group, ManagedPolicy)):
            self._own.clear()
            self._told.clear()
        elif isinstance(record, (User, Role)):
            self._own.pop(record.id, None)
            self._trust.pop(record.id, None)
        elif isinstance(record, _OF_ORGANIZATIONS):
            self._own.clear()
            self._guards.forget()

    def of(self, caller: Caller, ask: Ask | None = None) -> policy.Layers:
        """The layers of `caller`: none at all (so nothing is allowed) for one that has no principal.

        With `ask` also the resource control policies around its resource. What does not concern the caller costs nothing: its own
        layers are one remembered value, and are given as they are when it has no session policy and the resource no guard.
        """
        own = self._own.get(caller.principal_id)
        if own is None:
            own = self._read(caller)
        rcps = () if ask is None else self._guards.rcps(ask)
        session = caller.session
        passed = None if session is None or not (session.policy or session.policy_arns) else self._session(session)
        if passed is None and not rcps:
            return own
        if caller.kind == "root":
            # a task policy only denies all else; as a session policy, which has to allow, it would leave nothing (AssumeRoot)
            return policy.Layers(passed or (), None, None, own.scps, rcps)
        return policy.Layers(own.identity, own.boundary, passed, own.scps, rcps)

    def trust(self, role: Role) -> policy.Policy:
        """The trust policy of `role`, bound to the principals that it named when it was written."""
        found = self._trust.get(role.id)
        if found is None:
            where = f"{role.arn} trust policy"
            found = self._compiled.get(role.trust, "trust", "trust policy", where=where, principals=role.trusted)
            if self._snapshot.roles.find(role.id) is role:
                self._trust.keep(role.id, found)
        return found

    def _read(self, caller: Caller) -> policy.Layers:
        principal = self._snapshot.principal(caller.principal_id)
        if principal is None:
            # a root user has no policies of its own, yet stands within its organization's; nobody else without a principal has an account
            return policy.Layers(scps=self._guards.scps(caller.account)) if caller.kind == "root" else _NOTHING
        return self._own.keep(principal.id, self._of_principal(principal))

    def _of_principal(self, principal: User | Role) -> policy.Layers:
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
        return policy.Layers(tuple(identity), boundary, None, self._guards.scps(principal.account))

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
                self._told.keep(arn, None)
                log.error("policy is gone", extra={"policy": arn, "consequence": "everything is denied where it is attached"})
            return policy.unreadable(kind, arn)
        return compiled.get(text, kind, arn)

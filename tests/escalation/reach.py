"""How far a caller could get at most: the fixed point over everything that it may do, judged on the account as it was at the beginning.

An upper bound, generous wherever it must be one: session policies are left out, what may be rewritten counts as allowing everything, what
may be taken away as gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from escalation.account import ALL, Account, Asked, Credential, Document, Holder, Managed, answer
from escalation.operations import Operation, boundary_key, trust_of

KEY = "iam:permissionsboundary"
Fact = tuple[str, Holder | Managed, Holder | Managed | None]

FACTS = {
    "PutUserPolicy": "write", "PutRolePolicy": "write", "PutGroupPolicy": "write", "CreatePolicyVersion": "write",
    "DeleteUserPolicy": "remove", "DeleteRolePolicy": "remove", "DeleteGroupPolicy": "remove", "DetachUserPolicy": "remove",
    "DetachRolePolicy": "remove", "DetachGroupPolicy": "remove", "SetDefaultPolicyVersion": "revert", "AttachUserPolicy": "attach",
    "AttachRolePolicy": "attach", "AttachGroupPolicy": "attach", "PutUserPermissionsBoundary": "bound",
    "PutRolePermissionsBoundary": "bound", "DeleteUserPermissionsBoundary": "unbound", "DeleteRolePermissionsBoundary": "unbound",
    "CreateUser": "make", "CreateRole": "make",
    "AddUserToGroup": "join", "UpdateAssumeRolePolicy": "trust", "CreateAccessKey": "control", "AssumeRole": "control",
}  # fmt: skip


class Reach:
    """Whom `start` may come to control, and what they may come to be allowed, given everything that can be done (`universe`)."""

    def __init__(self, account: Account, start: Holder, universe: list[Operation]) -> None:
        self.account = account
        self.everyone = [*account.principals(), *account.unborn]
        self.unborn = set(account.unborn)
        self.facts: set[Fact] = {("control", start, None)}
        self._judged: dict[tuple[Any, ...], bool] = {}  # by the facts so far
        waiting = list({self._fact(operation): operation for operation in universe if operation.name in FACTS}.values())
        while done := [operation for operation in waiting if self.may(operation)]:
            self.facts |= {self._fact(operation) for operation in done}
            self._judged.clear()
            waiting = [operation for operation in waiting if self._fact(operation) not in self.facts]

    @property
    def controlled(self) -> list[Holder]:
        """Whose credentials the caller may come to hold."""
        return [holder for holder in self.everyone if self._is("control", holder)]

    def may(self, operation: Operation) -> bool:
        """Whether someone controlled may do it, in some state that can be reached."""
        return any(all(self._may_ask(holder, asked) for asked in operation.asks) for holder in self.controlled)

    def _fact(self, operation: Operation) -> Fact:
        assert operation.target is not None
        what, more = FACTS[operation.name], None
        if what in ("attach", "bound", "make"):
            more = next((policy for policy in self.account.policies if policy.arn in operation.parameters.values()), None)
        elif what == "join":
            more = next(group for group in self.account.groups if group.name == operation.parameters["GroupName"])
        return what, operation.target, more

    def _is(self, what: str, target: Holder | Managed, more: Holder | Managed | None = None) -> bool:
        return (what, target, more) in self.facts

    def _may_ask(self, holder: Holder, asked: Asked) -> bool:
        key = (holder, asked.action, asked.resource, tuple(asked.context.items()))
        if key not in self._judged:
            self._judged[key] = self._judge(holder, asked)
        return self._judged[key]

    def _judge(self, holder: Holder, asked: Asked) -> bool:
        anyone = asked.role is not None and (self._is("trust", asked.role) or asked.role in self.unborn)
        instead = {"trust": trust_of(holder.arn)} if anyone else {}
        identity = self._identity(holder)
        for context in self._contexts(asked):
            supposed = Asked(asked.action, asked.resource, asked.owner, context, asked.role)
            for boundary in self._boundaries(holder):
                if answer(Credential(holder, None), supposed, identity=identity, boundary=boundary, **instead) == "allowed":
                    return True
        return False

    def _identity(self, holder: Holder) -> list[Document]:
        groups = [*holder.groups, *(one for one in self.account.groups if self._is("join", holder, one))]
        places = [holder, *groups]
        added = [policy for policy in self.account.policies for place in places if self._is("attach", place, policy)]
        attached = [policy for place in places for policy in place.attached]
        if any(self._is("write", place) for place in (*places, *added, *attached)):
            return [ALL]
        documents = [document for place in (holder, *holder.groups) for document in place.documents()]
        if any(self._is("remove", place) for place in places) or any(self._is("revert", policy) for policy in attached):
            documents = [without_denies(document) for document in documents]
        gained = [document for group in groups for document in group.documents()]
        gained += [document for policy in (*added, *attached) for document in self._versions(policy)]
        return documents + [without_denies(document) for document in gained]

    def _versions(self, policy: Managed) -> list[Document]:
        return [*policy.versions.values()] if self._is("revert", policy) else [policy.document]

    def _boundaries(self, holder: Holder) -> Iterator[Document | None]:
        """Each that it has or may come to have; None where there is none, or one that can be rewritten."""
        put = [one for one in self.account.policies if self._is("bound", holder, one)]
        born = [one for one in (None, *self.account.policies) if self._is("make", holder, one)]
        for policy in (*(born if holder in self.unborn else [holder.boundary]), *put):
            if policy is None or self._is("write", policy):
                yield None
            else:
                yield from self._versions(policy)
        if self._is("unbound", holder):
            yield None

    def _contexts(self, asked: Asked) -> Iterator[dict[str, str]]:
        """Boundaries come and go: an ask about a user or a role may come with any of them."""
        yield asked.context
        if asked.resource.split(":")[-1].split("/")[0] in ("user", "role") and asked.action.startswith("iam:"):
            bare = {key: value for key, value in asked.context.items() if key != KEY}
            for policy in (None, *self.account.policies):
                yield bare | boundary_key(policy)


def without_denies(document: Document) -> Document:
    """What is left when nobody is denied anything."""
    return document | {"Statement": [one for one in document["Statement"] if one["Effect"] == "Allow"]}

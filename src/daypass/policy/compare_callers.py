"""The callers that two policies can tell apart: one that stands for each kind, and what its own condition keys may be. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from daypass.policy.compare_terms import Term, Terms, literal
from daypass.policy.compiled import Policy
from daypass.values.arn import root_arn
from daypass.values.caller import ANONYMOUS, Caller
from daypass.values.decision import Values
from daypass.values.ids import is_account_id

STRANGE, OWNER = "999999999999", "111122223333"  # an account that no policy names, and that of the resource
BY_CALLER = ("trust", "resource")  # kinds of policies that name principals to which they give something
_ARN, _ACCOUNT = "aws:principalarn", "aws:principalaccount"
_FORMS = {"user": "arn:aws:iam::{}:user/", "role": "arn:aws:iam::{}:role/", "federated-user": "arn:aws:sts::{}:federated-user/"}


class Who(NamedTuple):
    """A kind of caller, by one of them. Its own keys are as they are (`fixed`), or those of any caller of the kind in `account`, or in any
    account but `accounts` when that is "", who is none of `named`. `bounded` ones have a permissions boundary, which here allows all."""

    caller: Caller
    fixed: bool
    account: str = ""
    accounts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    bounded: bool = False

    def facts(self) -> Mapping[str, Values]:
        """The condition keys that this very caller brings."""
        caller = self.caller
        return {_ARN: caller.principal_arn, _ACCOUNT: caller.account} if caller.principal_arn else {}

    def frame(self, terms: Terms) -> Iterator[Term]:
        """What holds of the condition keys of every caller of the kind."""
        z3, caller = terms.z3, self.caller
        if self.fixed:
            yield terms.pin(_ARN, caller.principal_arn or None)
            yield terms.pin(_ACCOUNT, caller.account if caller.principal_arn else None)
            return
        arn, account = (terms.text(name) for name in (_ARN, _ACCOUNT))
        digits = z3.Loop(z3.Range("0", "9"), 12, 12)
        number = literal(z3, self.account) if self.account else account
        if account is not None:
            yield terms.has(_ACCOUNT)
            yield z3.InRe(account, digits) if not self.account else account == number
            yield from (account != literal(z3, one) for one in self.accounts if not self.account)
        if arn is not None:
            yield terms.has(_ARN)
            head, _, tail = _FORMS.get(caller.kind, "arn:aws:iam::{}:root").partition("{}")
            end = z3.Re(literal(z3, tail)) if tail == ":root" else z3.Concat(z3.Re(literal(z3, tail)), z3.Plus(z3.Range("!", "~")))
            yield z3.InRe(arn, z3.Concat(z3.Re(literal(z3, head)), digits, end))
            if number is not None:
                yield z3.PrefixOf(z3.Concat(literal(z3, head), number, literal(z3, ":")), arn)
            yield from (z3.Not(z3.PrefixOf(literal(z3, f"{head}{one}:"), arn)) for one in self.accounts if not self.account)
            yield from (arn != literal(z3, one) for one in self.named)

    def takes(self, context: Mapping[str, Values]) -> bool:
        """Whether these can be the condition keys of a caller of the kind."""
        arn, number = context.get(_ARN), context.get(_ACCOUNT)
        if self.fixed:
            return (arn or "", number or "") == (self.caller.principal_arn, self.caller.account if self.caller.principal_arn else "")
        if not isinstance(arn, str) or not isinstance(number, str) or arn in self.named or not is_account_id(number):
            return False
        if number != self.account if self.account else number in self.accounts:
            return False
        form = _FORMS.get(self.caller.kind, "arn:aws:iam::{}:root").format(number)
        return arn == form if form.endswith(":root") else arn.startswith(form) and len(arn) > len(form)

    def as_told(self, context: Mapping[str, Values]) -> Caller:
        """The caller of the kind that has the condition keys of `context`."""
        told, number = context.get(_ARN), context.get(_ACCOUNT)
        caller = self.caller
        if self.fixed:
            return caller
        if isinstance(told, str):
            return self._made(told.split(":")[4], told)
        return self._made(number, "") if isinstance(number, str) and number != caller.account else caller

    def _made(self, account: str, arn: str) -> Caller:
        caller = self.caller
        own = arn or caller.principal_arn.replace(caller.account, account)
        session = caller.arn if caller.kind == "role" else own
        return replace(caller, account=account, principal_arn=own, arn=session.replace(caller.account, account))


def callers(new: Policy, old: Policy) -> Iterator[Who]:
    """One caller for each way in which the policies can tell callers apart; a single one when they name nobody.

    A boundary matters to a deny with NotPrincipal alone, which spares nobody who has one.
    """
    yield from (found := list(_callers(new, old)))
    if any(one.not_principal for policy in (new, old) for one in policy.document.statements):
        yield from (who._replace(bounded=True) for who in found if who.caller.kind in ("user", "role"))


def _callers(new: Policy, old: Policy) -> Iterator[Who]:
    if new.kind not in BY_CALLER:
        yield Who(_user(STRANGE, ""), fixed=False)
        return
    named = sorted(new.principals() | old.principals())
    ids = {**old.bound, **new.bound}
    arns = [value for kind, value in named if kind == "AWS"]
    for kind, value in named:
        if kind == "Federated":
            yield Who(Caller("web-identity", OWNER, value, value, "", "", provider_arn=value), fixed=True)
        elif kind == "Service":
            yield Who(Caller("service", "", value, value, "", "", provider_arn=value), fixed=True)
        elif kind == "AWS" and (caller := _named(value, arns, ids)) is not None:
            yield Who(caller, fixed=not caller.principal_id.startswith(value))
    but_some = any(one.not_principal and one.effect == "Allow" for policy in (new, old) for one in policy.document.statements)
    if (but_some or ("AWS", "*") in named) and new.kind == "resource":  # AssumeRole takes signed requests only
        yield Who(ANONYMOUS, fixed=True)
    accounts = tuple(sorted({value if is_account_id(value) else value.split(":")[4] for value in arns if _is_account(value)}))
    for account in (*accounts, ""):
        number = account or STRANGE
        root = Caller("root", number, root_arn(number), number, root_arn(number), number)
        guest = f"arn:aws:sts::{number}:federated-user/someone"
        federated = Caller("federated-user", number, guest, guest, guest, "AIDASOMEONE")
        for caller in (_user(number, ""), _role(number, "", "session"), root, federated):
            yield Who(caller, False, account, accounts, tuple(arns))


def _is_account(value: str) -> bool:
    return is_account_id(value) or value.endswith(":root")


def _named(value: str, arns: Sequence[str], ids: Mapping[str, str]) -> Caller | None:
    """The caller that an AWS principal names by itself; None for everyone and for accounts."""
    if value.startswith("AIDA"):
        return replace(_user(STRANGE, ""), principal_id=value)
    if value.startswith("AROA"):
        return replace(_role(STRANGE, "", "session"), principal_id=value)
    if value == "*" or _is_account(value):
        return None
    account, resource = value.split(":")[4], value.split(":", 5)[5]
    kind, _, name = resource.partition("/")
    if kind == "user":
        return _user(account, name, ids.get(value, ""))
    if kind == "role":
        return _role(account, name, "session", ids.get(value, ""))
    if kind == "assumed-role":
        role, _, session = name.partition("/")
        own = next((arn for arn in arns if arn.startswith(f"arn:aws:iam::{account}:role/") and arn.rpartition("/")[2] == role), "")
        path = own.partition(":role/")[2] or role
        return replace(_role(account, path, session, ids.get(own, "") or ids.get(value, "")), arn=value)
    return Caller("federated-user", account, value, value, value, ids.get(value, "AIDASOMEONE"))


def _user(account: str, name: str, unique_id: str = "") -> Caller:
    arn = f"arn:aws:iam::{account}:user/{name or 'someone'}"
    return Caller("user", account, arn, "AIDASOMEONE", arn, unique_id or "AIDASOMEONE")


def _role(account: str, name: str, session: str, unique_id: str = "") -> Caller:
    arn = f"arn:aws:sts::{account}:assumed-role/{(name or 'some-role').rpartition('/')[2]}/{session}"
    role = f"arn:aws:iam::{account}:role/{name or 'some-role'}"
    return Caller("role", account, arn, f"AROASOMEROLE:{session}", role, unique_id or "AROASOMEROLE")

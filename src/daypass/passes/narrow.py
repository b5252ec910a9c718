"""What a child may carry: its lifetime, session policies, tags and source identity. Does not decide who may assume what (policies do).

The rules are AWS's (fact sheet A, §3.1, §3.4 and §3.6-§3.9), and one of ours: a child never outlives its parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from daypass.values.errors import EXPIRED_TOKEN, Refusal
from daypass.values.folding import fold
from daypass.values.session import Session, SessionKind

MAX_DURATION = 129600  # seconds; STS model, GetSessionToken
CHAINING_CAP = 3600  # seconds; IAM User Guide, "Role chaining"
MAX_SESSION_POLICY = 2048  # characters of inline policy and policy ARNs together; STS API reference, AssumeRole, Policy
MAX_SESSION_POLICIES = 10  # STS API reference, AssumeRole, PolicyArns
MAX_TAGS = 50  # STS API reference, AssumeRole, Tags; inherited ones count
MAX_TAG_KEY, MAX_TAG_VALUE = 128, 256  # STS model
RESERVED = "aws:"

TagPairs = Mapping[str, str] | Iterable[tuple[str, str]]


class Narrowing(NamedTuple):
    """What narrows and marks a session, with what it inherits."""

    policy: str
    policy_arns: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    transitive: tuple[str, ...]
    source_identity: str


def expiry_of_child(kind: SessionKind, parent: Session | None, issued: int, duration: int) -> int:
    """When a child issued at `issued` for `duration` seconds is over (epoch seconds): never after its parent.

    Raises Refusal ValidationError for a duration out of range or above the cap of role chaining, ExpiredToken when the parent is over.
    """
    if not 0 < duration <= MAX_DURATION:
        raise Refusal("ValidationError", f"DurationSeconds must be between 1 and {MAX_DURATION}.", 400)
    if parent is None:
        return issued + duration
    chained = kind == "role" and parent.kind == "role" and parent.origin.kind != "operator"
    if chained and duration > CHAINING_CAP:
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise Refusal("ValidationError", text, 400)
    if issued >= parent.expires:
        raise Refusal("ExpiredToken", EXPIRED_TOKEN, 403)
    # INVARIANT: a child never outlives its parent.
    return min(issued + duration, parent.expires)


def narrow(
    kind: SessionKind,
    parent: Session | None,
    *,
    policy: str,
    policy_arns: tuple[str, ...],
    tags: TagPairs,
    transitive: tuple[str, ...],
    source_identity: str,
) -> Narrowing:
    """What the child of `parent` carries when this was passed with the request. Raises Refusal where it may not be passed."""
    _check_policies(policy, policy_arns)
    passed = tuple(tags.items()) if isinstance(tags, Mapping) else tuple(tags)
    if kind == "user" and parent is not None:
        return _same_again(parent, bool(policy or policy_arns or passed or source_identity))
    if parent is None and not passed and not transitive and not source_identity:
        return Narrowing(policy, policy_arns, (), (), "")
    inherited = tuple(pair for pair in parent.tags if pair[0] in parent.transitive) if parent else ()
    passing_on = parent.transitive if parent else ()
    _check_tags(passed, inherited)
    return Narrowing(
        policy,
        policy_arns,
        inherited + passed,
        passing_on + _transitive(transitive, passed),
        _source_identity(parent, source_identity),
    )


def _same_again(parent: Session, asks_more: bool) -> Narrowing:
    """A user's session made from a user's session stays what its parent is: two session policies cannot be joined in one."""
    if asks_more:
        raise Refusal("AccessDenied", "A session made from a user's own session cannot carry anything else than that.", 403)
    return Narrowing(parent.policy, parent.policy_arns, parent.tags, parent.transitive, parent.source_identity)


def _check_policies(policy: str, policy_arns: tuple[str, ...]) -> None:
    if not policy and not policy_arns:
        return
    if len(policy_arns) > MAX_SESSION_POLICIES:
        raise Refusal("ValidationError", f"PolicyArns must have at most {MAX_SESSION_POLICIES} members.", 400)
    if len(policy) + sum(map(len, policy_arns)) > MAX_SESSION_POLICY:
        text = f"The session policies, inline and managed together, must have at most {MAX_SESSION_POLICY} characters."
        raise Refusal("ValidationError", text, 400)


def _check_tags(passed: tuple[tuple[str, str], ...], inherited: tuple[tuple[str, str], ...]) -> None:
    """(1) sizes, (2) no reserved key, (3) no key twice ignoring ASCII case, (4) none inherited (IAM User Guide, "Pass session tags")."""
    if len(passed) + len(inherited) > MAX_TAGS:  # (1)
        raise Refusal("ValidationError", f"A session must have at most {MAX_TAGS} tags, inherited ones included.", 400)
    if any(not 0 < len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE for key, value in passed):
        raise Refusal("ValidationError", f"A tag has a key of 1 to {MAX_TAG_KEY} and a value of at most {MAX_TAG_VALUE} characters.", 400)
    taken = {fold(key) for key, _ in inherited}
    seen: set[str] = set()
    for key, _ in passed:
        folded = fold(key)
        if folded.startswith(RESERVED):  # (2)
            raise Refusal("ValidationError", "Tag keys that start with aws: are reserved for system use.", 400)
        if folded in seen:  # (3)
            raise Refusal("InvalidParameterValue", "Duplicate tag keys found. Please note that tag keys are case insensitive.", 400)
        if folded in taken:  # (4)
            text = f"The tag key {key} is inherited from the calling session as transitive and cannot be set again."
            raise Refusal("InvalidParameterValue", text, 400)
        seen.add(folded)


def _transitive(wanted: tuple[str, ...], passed: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The keys to pass on, spelled as the tags are."""
    if not wanted:
        return ()
    spelled = {fold(key): key for key, _ in passed}
    folded = list(dict.fromkeys(fold(key) for key in wanted))
    if any(key not in spelled for key in folded):
        raise Refusal("InvalidParameterValue", "TransitiveTagKeys must be keys of the tags passed with the request.", 400)
    return tuple(spelled[key] for key in folded)


def _source_identity(parent: Session | None, wanted: str) -> str:
    # INVARIANT: once set, the source identity stays the same along the whole line.
    if fold(wanted).startswith(RESERVED):
        raise Refusal("ValidationError", "SourceIdentity must not start with aws:.", 400)
    held = parent.source_identity if parent else ""
    if held and wanted not in ("", held):
        raise Refusal("AccessDenied", "The source identity of the calling session cannot be changed.", 403)
    return held or wanted

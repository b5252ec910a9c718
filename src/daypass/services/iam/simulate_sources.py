"""The policies that a simulation asks: an entity's own, its groups', and those given, each by the name that results have for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from daypass import policy
from daypass.policy.match import compile_glob, read_tokens
from daypass.services.iam.aws_policies import AWS
from daypass.store.records import Group, Role, User
from daypass.values.arn import read_arn
from daypass.values.errors import Refusal

if TYPE_CHECKING:
    from daypass.way.context import Context

MAX_TEXT = 256 * 1024  # characters of all policies of one simulation together

Entity = User | Group | Role
NOBODY: Mapping[str, str] = {}  # no principal is bound to a unique id


class Source(NamedTuple):
    """A policy: `id` and `type` as results name it (IAM API reference, Statement), its ARN or inline holder and name, its text.

    No text: it is attached and cannot be found, so it denies everything, as it does for real.
    """

    id: str
    type: str
    text: str | None
    arn: str = ""
    holder: tuple[str, str, str] = ("", "", "")  # kind and name of the entity, name of the policy


def given(texts: Iterable[str] | None, name: str) -> list[Source]:
    """The policies of an input list, by their place in it."""
    return [Source(f"{name}.{number}", "none", text) for number, text in enumerate(texts or (), 1)]


def own(ctx: Context, entity: Entity) -> Iterator[Source]:
    """The identity-based policies of an entity and, for a user, of its groups."""
    yield from _of(ctx, entity)
    for group_id in entity.groups if isinstance(entity, User) else ():
        group = ctx.store.groups.find(group_id)
        yield from [Source(group_id, "group", None)] if group is None else _of(ctx, group)


def boundary(ctx: Context, entity: Entity) -> list[Source]:
    """The permissions boundary of an entity, if it has one."""
    return [_managed(ctx, entity.boundary)] if entity.boundary else []


def _of(ctx: Context, entity: Entity) -> Iterator[Source]:
    kind = type(entity).__name__.lower()
    for name, text in entity.inline.items():
        yield Source(f"{kind}_{entity.name}_{name}", kind, text, holder=(kind, entity.name, name))
    for arn in entity.policies:
        yield _managed(ctx, arn)


def _managed(ctx: Context, arn: str) -> Source:
    parts = read_arn(arn)
    kind = "aws-managed" if parts and parts.account == AWS else "user-managed"
    return Source(arn.rpartition("/")[2], kind, ctx.store.document_of(arn), arn)


class Exclusions:
    """PolicyExclusionList: which of an entity's policies a simulation leaves out. Each entry names one thing: the model says so."""

    def __init__(self, entries: Sequence[Mapping[str, Any]] | None) -> None:
        self._types = {entry["PolicyType"] for entry in entries or () if "PolicyType" in entry}
        self._arns = [compile_glob(read_tokens(entry["PolicyArn"])) for entry in entries or () if "PolicyArn" in entry]
        inline = [entry["InlinePolicyIdentifier"] for entry in entries or () if "InlinePolicyIdentifier" in entry]
        self._inline = {(one["AttachmentType"], one["AttachmentName"], one["PolicyName"]) for one in inline}

    def type(self, name: str) -> bool:
        """Whether all policies of this type are left out."""
        return name in self._types

    def names(self, one: Source) -> bool:
        """Whether this managed policy is left out by its ARN."""
        return any(matches(one.arn) for matches in self._arns)

    def keep(self, sources: Iterable[Source]) -> list[Source]:
        """Those that are not left out."""
        return [one for one in sources if not self._excludes(one)]

    def _excludes(self, one: Source) -> bool:
        if one.holder[0]:
            return "inline" in self._types or one.holder in self._inline
        return one.type in self._types or self.names(one)


def compiled(
    source: Source, kind: policy.Kind, name: str, principals: Mapping[str, str] = NOBODY
) -> tuple[policy.Policy, Source]:
    """`source` made ready to be asked, called `name` in decisions. One that stands somewhere and cannot be read denies everything, as it
    does for real (attack row C43), and has no text then. Raises InvalidInput for a text that was given and is no policy.
    """
    if source.text is not None:
        try:
            return policy.read_policy(source.text, kind, name=name, principals=principals), source
        except policy.PolicyError as error:
            if source.type == "none":
                raise Refusal("InvalidInput", f"Invalid policy in {source.id}: {error.message}") from None
    return policy.unreadable(kind, name), source._replace(text=None)


def check_size(sources: Iterable[Source]) -> int:
    """How many characters the policies have together. Raises InvalidInput for more than one simulation may have."""
    size = sum(len(one.text or "") for one in sources)
    if size > MAX_TEXT:
        raise Refusal("InvalidInput", f"The policies of one simulation may have {MAX_TEXT} characters together.")
    return size

"""GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy: which condition keys policies mention. Evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from daypass import policy
from daypass.services.iam.asks import on_anything
from daypass.services.iam.simulate import get_entity, on_source
from daypass.services.iam.simulate_sources import Source, check_size, compiled, given, own
from daypass.values.folding import fold
from daypass.way.operation import Output, operation

if TYPE_CHECKING:
    from daypass.way.context import Context


@operation("iam", asks=on_anything("iam:GetContextKeysForCustomPolicy"))
def get_context_keys_for_custom_policy(ctx: Context, *, policy_input_list: Sequence[str]) -> Output:
    """The condition keys that the policies given mention. Raises Refusal: InvalidInput."""
    return _keys(ctx, given(policy_input_list, "PolicyInputList"))


@operation("iam", asks=on_source("iam:GetContextKeysForPrincipalPolicy"))
def get_context_keys_for_principal_policy(
    ctx: Context, *, policy_source_arn: str, policy_input_list: Sequence[str] | None = None
) -> Output:
    """The condition keys that the policies of a user (with its groups), group or role mention, and those of the policies given.

    Raises Refusal: NoSuchEntity, InvalidInput.
    """
    return _keys(ctx, [*own(ctx, get_entity(ctx, policy_source_arn)), *given(policy_input_list, "PolicyInputList")])


def _keys(ctx: Context, sources: Iterable[Source]) -> Output:
    sources = list(sources)
    check_size(sources)

    def work() -> Output:
        found: dict[str, str] = {}
        for source in sources:
            for key in policy.context_keys(compiled(source, "identity", source.id)[0].document):
                found.setdefault(fold(key), key)
        return {"ContextKeyNames": sorted(found.values(), key=fold)}

    return ctx.elsewhere(work)

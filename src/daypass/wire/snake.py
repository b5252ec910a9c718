"""snake_case: the keyword that boto3 gives to a member or an operation. Does not know any model."""

from __future__ import annotations

import re
from functools import lru_cache

# Four methods of `signin` are spelled so in SDKs; the boundaries would give `create_o_auth2_token`.
_AS_SPELLED = {
    f"{verb}OAuth2Token{tail}": f"{verb.lower()}_oauth2_token{snake}"
    for verb, tail, snake in (
        ("Create", "", ""), ("Create", "WithIAM", "_with_iam"), ("Introspect", "WithIAM", "_with_iam"), ("Revoke", "WithIAM", "_with_iam")
    )
}
_PLURAL = re.compile(r"[A-Z]{2,}s\Z", re.ASCII)  # "ClientIDs": a plural of capitals is one word
_BOUNDARY = re.compile(r"(?<=[^_])(?=[A-Z][a-z])|(?<=[a-z0-9])(?=[A-Z])", re.ASCII)


@lru_cache(maxsize=8192)
def snake_case(name: str) -> str:
    """`AssumeRoleWithSAML` → `assume_role_with_saml`, `ThumbprintList` → `thumbprint_list`: as boto3 spells methods and results.

    A name that already holds an underscore is given back unchanged. The differential test compares every name of every model.
    """
    if name in _AS_SPELLED:
        return _AS_SPELLED[name]
    if "_" in name:
        return name
    plural = _PLURAL.search(name)
    if plural and plural.start():
        return f"{snake_case(name[: plural.start()])}_{plural.group().lower()}"
    return _BOUNDARY.sub("_", name).lower()

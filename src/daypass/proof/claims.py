"""Turns the claims of a verified token into condition keys, session tags and a source identity. Does not verify or decide.

Source: IAM User Guide, "IAM and AWS STS condition context keys" (OIDC) and "Pass session tags"; fact sheet A §3.9, §3.10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from daypass.proof.jwt import GOOGLE, Token
from daypass.values.errors import Refusal
from daypass.values.folding import fold

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_FLAT_TAG = TAGS + "/principal_tags/"
_FLAT_TRANSITIVE = TAGS + "/transitive_tag_keys"

MAX_TAGS = 50  # STS model, tagListType
_TAG_KEY = re.compile(r"(?:[^\S\t-\r\x1c-\x1f\x85]|[\w.:/=+\-@]){1,128}")  # STS model, tagKeyType: \p{L}\p{Z}\p{N}_.:/=+\-@
_TAG_VALUE = re.compile(r"(?:[^\S\t-\r\x1c-\x1f\x85]|[\w.:/=+\-@]){0,256}")
_IDENTITY = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}", re.ASCII)  # STS model, sourceIdentityType

_GITHUB = (
    "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id", "repository_owner_id",
    "workflow",
)  # fmt: skip
_GITLAB = (
    "namespace_id", "pipeline_source", "project_id", "ref_protected", "runner_environment", "user_access_level", "user_email", "user_id",
    "user_login",
)  # fmt: skip
_BUILDKITE = ("build_branch", "cluster_id", "cluster_name", "organization_id", "organization_slug", "pipeline_id", "pipeline_slug")

# host (and path) of the issuer → claims that become keys beside aud, sub and amr (fact sheet A §3.10)
_EXTRA: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"token\.actions\.githubusercontent\.com(?:/[^/]+)?", re.ASCII), _GITHUB),
    (re.compile(r"token\.actions\.[a-z0-9-]+\.ghe\.com", re.ASCII), _GITHUB),
    (re.compile(r"github\.com/enterprises/[^/]+", re.ASCII), _GITHUB),
    (re.compile(r"gitlab\.com", re.ASCII), _GITLAB),
    (re.compile(r"agent\.buildkite\.com|agent\.[a-z0-9-]+\.buildkite\.(?:dev|site)", re.ASCII), _BUILDKITE),
    (re.compile(r"oidc\.circleci\.com/org/[^/]+", re.ASCII), ("oidc.circleci.com/project-id",)),
    (re.compile(r"idcs-[a-z0-9]+\.identity\.oraclecloud\.com", re.ASCII), ("rpst_id",)),
    (re.compile(r"accounts\.google\.com", re.ASCII), ("google/organization_number",)),
)


class TokenTags(NamedTuple):
    """The session tags that a token asks for, and which of their keys pass on to later sessions."""

    tags: dict[str, str]
    transitive: tuple[str, ...]


def condition_keys(token: Token) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of `token`: lower-case `<issuer host and path>:<name>` → value, or values for `amr`."""
    provider = token.issuer.removeprefix("https://")
    found: dict[str, str | tuple[str, ...]] = {"aud": token.audience, "sub": token.subject}
    if token.issuer == GOOGLE and token.authorized_party:
        found["oaud"] = token.audiences[0]
    methods = token.claims.get("amr")
    if isinstance(methods, list) and all(isinstance(item, str) for item in methods):
        found["amr"] = tuple(methods)
    elif isinstance(methods, str):
        found["amr"] = (methods,)
    for name in extra_claims(provider):
        if (text := _as_text(token.claims.get(name))) is not None:
            found[name] = text
    return {fold(f"{provider}:{name}"): value for name, value in found.items()}


def extra_claims(provider: str) -> tuple[str, ...]:
    """The claims that AWS offers as condition keys for `provider` (host and path) beside aud, sub and amr."""
    for pattern, names in _EXTRA:
        if pattern.fullmatch(provider):
            return names
    return ()


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def session_tags(token: Token) -> TokenTags:
    """The session tags of `token`, nested or flat form (not both). Raises Refusal IDPRejectedClaim when they are not well-formed."""
    claims = token.claims
    flat = {name[len(_FLAT_TAG) :]: value for name, value in claims.items() if name.startswith(_FLAT_TAG)}
    if TAGS in claims and (flat or _FLAT_TRANSITIVE in claims):
        raise _rejected("tags come in both forms")
    if TAGS not in claims:
        return _read_tags(flat, claims.get(_FLAT_TRANSITIVE, []))
    nested = claims[TAGS]
    if (
        not isinstance(nested, dict)
        or not isinstance(nested.get("principal_tags"), dict)
        or nested.keys() - {"principal_tags", "transitive_tag_keys"}
    ):
        raise _rejected("the tags claim is not of the documented form")
    return _read_tags(nested["principal_tags"], nested.get("transitive_tag_keys", []))


def _read_tags(raw: Mapping[str, Any], transitive: object) -> TokenTags:
    tags: dict[str, str] = {}
    for key, value in raw.items():
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, str) or not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value) or fold(key).startswith("aws:"):
            raise _rejected(f"tag {key[:128]!r}")
        tags[key] = value
    folded = {fold(key) for key in tags}
    if len(tags) > MAX_TAGS or len(folded) != len(tags):
        raise _rejected("too many tags, or two whose keys differ in case only")
    if not isinstance(transitive, list) or not all(isinstance(key, str) and fold(key) in folded for key in transitive):
        raise _rejected("a transitive tag key that is not among the tags")
    return TokenTags(tags, tuple(dict.fromkeys(transitive)))


def source_identity(token: Token) -> str:
    """The source identity that `token` sets, or "". Raises Refusal IDPRejectedClaim when it is not well-formed."""
    if SOURCE_IDENTITY not in token.claims:
        return ""
    value = token.claims[SOURCE_IDENTITY]
    if not isinstance(value, str) or not _IDENTITY.fullmatch(value):  # the pattern has no colon, so that `aws:` is out as well
        raise _rejected("source identity")
    return value


def _rejected(why: str) -> Refusal:
    return Refusal("IDPRejectedClaim", "The identity provider's token holds a claim that is not acceptable", private=why)

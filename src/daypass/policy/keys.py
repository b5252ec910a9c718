"""Condition keys: which ones a policy mentions, and what is known of the global ones. Holds no request's values.

Source: IAM User Guide, "AWS global condition context keys" (fact sheet A, §5.10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daypass.policy.document import Document, Statement
from daypass.policy.variables import Variable, read_template
from daypass.values.folding import fold

MULTIVALUED = frozenset(
    (
        "aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths", "aws:sourceorgpaths",
        "aws:tagkeys", "aws:vpceorgpaths",
    )
)  # fmt: skip
SINGLE = frozenset(
    (
        "aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principaltype", "aws:principalisawsservice",
        "aws:principalservicename", "aws:userid", "aws:username", "aws:tokenissuetime", "aws:multifactorauthpresent",
        "aws:multifactorauthage", "aws:federatedprovider", "aws:sourceidentity", "aws:assumedroot", "aws:ec2instancesourcevpc",
        "aws:ec2instancesourceprivateipv4", "aws:chatbotsourcearn", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpcarn",
        "aws:sourcevpce", "aws:vpcsourceip", "aws:vpceaccount", "aws:vpceorgid", "aws:resourceaccount", "aws:resourceorgid",
        "aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:securetransport", "aws:referer", "aws:useragent",
        "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:calledviafirst", "aws:calledvialast",
        "aws:viaawsservice", "aws:calledviaawsmcp", "aws:viaawsmcpservice", "aws:ismcpserviceaction",
    )
)  # fmt: skip
TAGS = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/")
FAMILIES: Mapping[str, tuple[str, ...]] = {  # keys whose values are no plain text, and the operators that read them
    "aws:sourceip": ("Ip",), "aws:vpcsourceip": ("Ip",), "aws:currenttime": ("Date",), "aws:tokenissuetime": ("Date",),
    "aws:epochtime": ("Date", "Numeric"), "aws:multifactorauthage": ("Numeric",),
}  # fmt: skip


def context_keys(document: Document) -> tuple[str, ...]:
    """The condition keys that a policy mentions, in conditions and as variables, in the order and spelling in which they first appear."""
    found: dict[str, str] = {}
    for one in document.statements:
        for key in _mentioned(one, document.variables):
            found.setdefault(fold(key), key)
    return tuple(found.values())


def _mentioned(one: Statement, variables: bool) -> Iterator[str]:
    for text in one.resources:
        yield from _variables(text, variables)
    for keys in one.condition.values():
        for key, values in keys.items():
            yield key
            for text in values:
                yield from _variables(text, variables)


def _variables(text: str, variables: bool) -> Iterator[str]:
    return (part.spelled for part in read_template(text, variables=variables, wildcards=False) if isinstance(part, Variable))

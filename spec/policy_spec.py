"""The IAM decision as the user guide tells it: slow, obvious, on plain JSON, sharing no code with src. The oracle of tests/differential.

Policies are the parsed JSON of documents that AWS would save. A caller is a dict: kind ("user", "role", "root", "federated-user",
"web-identity", "service", "anonymous" or "operator"), account, arn, principal_arn, principal_id, provider_arn. A context maps
lower-case keys to a str, or to a tuple when the key is multi-valued. Quotations are of the IAM and the Organizations User Guide.
"""

import base64
import ipaddress
import re
import string
from datetime import UTC, datetime, timedelta
from fractions import Fraction

STAR, MARK = object(), object()  # the wildcards * and ?
DIRECT, ROLE, ACCOUNT = "direct", "role", "account"
ACCOUNTLESS = ("web-identity", "service", "anonymous")


def decide(ask, caller, context, identity=(), boundary=None, session=None, scps=(), rcps=(), bound=None):
    """Answer "allowed", "explicitDeny" or "implicitDeny". `ask` is (action, resource, owner, combine, resource policy or None)."""
    action, resource, owner, combine, resource_policy = ask
    if caller["kind"] == "role" and re.match(r"arn:[^:]*:iam::[^:]*:role/aws-service-role/", caller["principal_arn"]):
        scps = rcps = ()  # "SCPs do not affect any service-linked role", "You can't use RCPs to restrict … service-linked roles"
    if caller["kind"] == "federated-user" and session is None:
        session = []  # "if you do not pass a policy, the resulting federated user session has no permissions"
    levels = [*scps, *rcps]
    everything = [*identity, *([boundary] if boundary else []), *(session or []), *(policy for level in levels for policy in level)]
    args = action, resource, context
    # "An explicit deny in any of these policies overrides the allow."
    if any(applies(policy, s, *args) for policy in everything for s in statements(policy, "Deny")):
        return "explicitDeny"
    if resource_policy:
        for s in statements(resource_policy, "Deny"):
            if applies(resource_policy, s, *args) and denies_principal(s, caller, bool(boundary), bound or {}):
                return "explicitDeny"
    named = {
        name
        for s in statements(resource_policy, "Allow")
        if applies(resource_policy, s, *args) and (name := names_principal(s, caller, bound or {}))
    }
    if not sides_allow(named, caller, owner, combine, args, identity, boundary, session, scps, rcps):
        return "implicitDeny"  # "By default, all requests are implicitly denied"
    return "allowed"


def sides_allow(named, caller, owner, combine, args, identity, boundary, session, scps, rcps):
    """Who must allow: the tables "same account", "cross account" and "implicit denies of boundaries and session policies"."""

    def allow(policies):
        return any(applies(policy, s, *args) for policy in policies for s in statements(policy, "Allow"))

    if not all(allow(level) for level in rcps):
        return False  # an RCP is about the resource, whoever asks
    if caller["kind"] in ACCOUNTLESS:
        return bool(named)
    if not all(allow(level) for level in scps):
        return False  # "at every level … there must be an Allow"
    limits = (boundary is None or allow([boundary])) and (session is None or allow(session))
    is_root = caller["principal_id"] == caller["account"]  # itself, or federated by it
    own = (is_root or allow(identity)) and limits
    if caller["account"] != owner:
        return bool(named) and own
    if combine != "none" and DIRECT in named:
        return True
    if combine != "none" and ROLE in named:
        return limits
    return own and (combine != "must" or ACCOUNT in named)


def statements(policy, effect):
    found = listed(policy["Statement"]) if policy else []
    return [s for s in found if s["Effect"] == effect]


def listed(value):
    return value if isinstance(value, list) else [value]


def lower(text):
    return "".join(chr(ord(c) + 32) if c in string.ascii_uppercase else c for c in text)


def applies(policy, s, action, resource, context):
    new = policy.get("Version") == "2012-10-17"  # "variables … require version 2012-10-17"
    patterns = listed(s.get("Action", s.get("NotAction")))
    if any(glob(tokens(lower(p)), lower(action)) for p in patterns) == ("NotAction" in s):
        return False
    if "Resource" in s or "NotResource" in s:
        patterns = [substitute(p, context, True, new) for p in listed(s.get("Resource", s.get("NotResource")))]
        if any(p is not None and glob(p, resource) for p in patterns) == ("NotResource" in s):
            return False
    # "All condition operators and keys are evaluated with a logical AND."
    for operator, keys in s.get("Condition", {}).items():
        for key, values in keys.items():
            texts = ["true" if v is True else "false" if v is False else str(v) for v in listed(values)]
            if not condition(operator, lower(key), texts, context, new):
                return False
    return True


def tokens(pattern):
    return [STAR if c == "*" else MARK if c == "?" else c for c in pattern]


def glob(pattern, text):
    """Whether the tokens match the whole text: try, for each prefix of the pattern, every place where it may end."""
    ends = {0}
    for token in pattern:
        if token is STAR:
            ends = set(range(min(ends), len(text) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(text) and (token is MARK or token == text[end])}
    return len(text) in ends


def substitute(text, context, wildcards, new):
    """The tokens of a text with its ${variables} replaced by literal values; None when one has no value."""
    result, at = [], 0
    while at < len(text):
        if new and text.startswith("${", at):
            end = text.index("}", at)
            name, at = text[at + 2 : end], end + 1
            if name in ("*", "?", "$"):
                result.append(name)
                continue
            key, _, default = name.partition(", ")
            value = context.get(lower(key))
            if value in (None, ()):
                value = default[1:-1] if default else None
            if not isinstance(value, str):
                return None
            result.extend(value)
        else:
            result.extend(tokens(text[at]) if wildcards else text[at])
            at += 1
    return result


def condition(operator, key, wanted, context, new):
    given = context.get(key)
    given = None if given == () else given
    if operator == "Null":
        return ("true" if given is None else "false") in [lower(v) for v in wanted]
    quantifier, _, name = operator.rpartition(":")
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated = "Not" in name
    positive = name.replace("Not", "", 1)

    def one(value):
        matched = any(compare(positive, value, v, context, new) for v in wanted)  # values: OR, or NOR when negated
        return matched != negated

    if quantifier == "ForAllValues":  # "also returns true if there are no context keys in the request … or … an empty string"
        return not given or all(one(v) for v in ([given] if isinstance(given, str) else given))
    if given is None:  # "if the key is not present … the values do not match"; ForAnyValue: "returns false"
        return if_exists or (negated and not quantifier)
    if quantifier == "ForAnyValue":
        return any(one(v) for v in ([given] if isinstance(given, str) else given))
    return one(given) if isinstance(given, str) else negated  # a multi-valued key without a set operator matches no value


def compare(operator, given, wanted, context, new):
    if operator.startswith(("String", "Arn", "Bool")):
        pattern = substitute(wanted, context, operator in ("StringLike", "ArnLike", "ArnEquals"), new)
        if pattern is None:
            return False
        if operator in ("StringEqualsIgnoreCase", "Bool"):
            return glob([lower(c) for c in pattern], lower(given))
        return arn_match(pattern, given) if operator.startswith("Arn") else glob(pattern, given)
    if operator == "BinaryEquals":
        return base64.b64encode(base64.b64decode(wanted)).decode() == given
    if operator == "IpAddress":
        left, right = address(given), network(wanted)
        return left is not None and left.version == right.version and left in right
    read = number if operator.startswith("Numeric") else moment
    left, right = read(given), read(wanted)
    if left is None or right is None:
        return False
    kind = operator.removeprefix("Numeric").removeprefix("Date")
    return (("Less" in kind and left < right) or ("Greater" in kind and left > right) or ("Equals" in kind and left == right))


def arn_match(pattern, given):
    """ "Each of the six colon-delimited components of the ARN is checked separately." """
    parts = [[]]
    for token in pattern:
        parts.append([]) if token == ":" and len(parts) < 6 else parts[-1].append(token)
    values = given.split(":", 5)
    return len(parts) == len(values) == 6 and all(map(glob, parts, values))


def number(text):
    return Fraction(text) if re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?", text) else None


def moment(text):
    if re.fullmatch(r"[0-9]{5,12}(\.[0-9]{1,9})?", text):
        return Fraction(text)
    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?)?)?", text, re.ASCII):
        return None
    fraction = re.search(r"\.(\d+)", text)
    whole = re.sub(r"\.\d+", "", text).replace("Z", "+00:00")
    try:
        when = datetime.fromisoformat(whole if "T" in whole else (whole + "-01-01")[:10])
    except ValueError:
        return None
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return Fraction(since // timedelta(seconds=1)) + Fraction("0." + (fraction[1] if fraction else "0"))


def address(text):
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else getattr(found, "ipv4_mapped", None) or found


def network(text):
    found = ipaddress.ip_network(text, strict=False)
    first = getattr(found[0], "ipv4_mapped", None)
    return ipaddress.ip_network((first, found.prefixlen - 96)) if first else found


def entries(element):
    """The (type, value) pairs of a Principal element; "*" is {"AWS": "*"}."""
    return {("AWS", "*")} if element == "*" else {(kind, value) for kind, values in element.items() for value in listed(values)}


def names_principal(s, caller, bound):
    """How an Allow names the caller: DIRECT, ROLE, ACCOUNT or None."""
    if "NotPrincipal" in s:  # "all principals, including anonymous (unauthenticated) users, except for the principal specified"
        names = set() if matching(entries(s["NotPrincipal"]), caller, bound) else {"everyone"}
    else:
        names = matching(entries(s.get("Principal", {})), caller, bound)
    if "everyone" in names and caller["kind"] not in ("web-identity", "service"):  # these are named by their own kind of principal only
        mentioned = [lower(key) for keys in s.get("Condition", {}).values() for key in keys]
        names.add(ROLE if caller["kind"] == "role" and "aws:principalarn" in mentioned else DIRECT)
    return next((name for name in (DIRECT, ROLE, ACCOUNT) if name in names), None)


def denies_principal(s, caller, bounded, bound):
    if "NotPrincipal" not in s:
        return bool(matching(entries(s["Principal"]), caller, bound))
    names = matching(entries(s["NotPrincipal"]), caller, bound)
    # "you must also specify the account ARN of the principal … and the role ARN of an assumed role session"
    needed = {
        "user": {ACCOUNT, DIRECT}, "role": {ACCOUNT, ROLE, DIRECT}, "federated-user": {ACCOUNT, ROLE, DIRECT}, "root": {ACCOUNT},
        "web-identity": {DIRECT}, "service": {DIRECT},
    }  # fmt: skip
    return bounded or not needed.get(caller["kind"], {"never"}) <= names


def matching(pairs, caller, bound):
    names, kind = set(), caller["kind"]
    for type_, value in pairs:
        if value == "*":
            names.add("everyone")
        elif kind in ("web-identity", "service"):
            wanted = "Federated" if kind == "web-identity" else "Service"
            names |= {DIRECT} if (type_, value) == (wanted, caller["provider_arn"]) else set()
        elif type_ == "Service":
            names |= {DIRECT} if kind == "operator" and value == caller["provider_arn"] else set()
        elif type_ == "CanonicalUser" and kind != "anonymous":
            names |= {ACCOUNT} if bound.get(value) == caller["account"] else set()
        elif type_ == "AWS" and kind != "anonymous":
            if value in (caller["account"], f"arn:aws:iam::{caller['account']}:root"):
                names.add(ACCOUNT)
            same_id = value not in bound or bound[value] == caller["principal_id"]
            if kind in ("role", "federated-user") and value == caller["arn"] and same_id:
                names.add(DIRECT)
            by_id = caller["principal_id"] == bound.get(value, value) and not value.startswith("arn:aws:sts:")
            if kind in ("user", "role", "federated-user") and (by_id or (value == caller["principal_arn"] and value not in bound)):
                names.add(DIRECT if kind == "user" else ROLE)
    return names

"""What a server shows of an account, as plain facts by name, to be compared as a whole. Reads by AWS's own calls only."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from rig.node import Keys

Facts = dict[str, dict[str, Any]]
Call = Callable[..., Any]
AT_ONCE = 4  # calls, where many are needed


def observe(call: Call, keys: Keys) -> Facts:
    """Everything of the caller's account that clerks (clerks.py) make; accounts of its organization as well."""
    facts: Facts = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        _iam(call, keys, facts, pool)
    for page in _pages(call, keys, "organizations", "ListAccounts"):
        for account in page["Accounts"]:
            facts[f"account/{account['Name']}"] = {"email": account["Email"], "status": account["Status"]}
    return facts


def _iam(call: Call, keys: Keys, facts: Facts, pool: Executor) -> None:
    for page in _pages(call, keys, "iam", "GetAccountAuthorizationDetails", Filter=["User", "Group", "Role", "LocalManagedPolicy"]):
        states = pool.map(lambda user: _keys(call, keys, user["UserName"]), page["UserDetailList"])
        for user, held in zip(page["UserDetailList"], states, strict=True):
            groups = sorted(user.get("GroupList", ()))
            facts[f"user/{user['UserName']}"] = _entity(user, "User") | {"tags": _tags(user), "groups": groups, "keys": held}
        for group in page["GroupDetailList"]:
            facts[f"group/{group['GroupName']}"] = _entity(group, "Group")
        for role in page["RoleDetailList"]:
            trust = _document(role["AssumeRolePolicyDocument"])
            facts[f"role/{role['RoleName']}"] = _entity(role, "Role") | {"tags": _tags(role), "trust": trust}
        for policy in page["Policies"]:
            versions = {version["VersionId"]: _document(version["Document"]) for version in policy["PolicyVersionList"]}
            defaults = [version["VersionId"] for version in policy["PolicyVersionList"] if version["IsDefaultVersion"]]
            facts[f"policy/{policy['PolicyName']}"] = {"versions": versions, "default": ",".join(defaults)}
    listed = call("iam", "ListOpenIDConnectProviders", {}, keys)["OpenIDConnectProviderList"]
    arns = [{"OpenIDConnectProviderArn": one["Arn"]} for one in listed]
    for found in pool.map(lambda arn: call("iam", "GetOpenIDConnectProvider", arn, keys), arns):
        facts[f"oidc/{found['Url']}"] = {"clients": sorted(found["ClientIDList"])}
    for provider in call("iam", "ListSAMLProviders", {}, keys)["SAMLProviderList"]:
        facts[f"saml/{provider['Arn'].rpartition('/')[2]}"] = {}


def of_prefix(facts: Facts, prefix: str) -> Facts:
    """Those whose names begin so."""
    return {name: fact for name, fact in facts.items() if name.partition("/")[2].startswith(prefix)}


def unsound(facts: Facts) -> list[str]:
    """What no history of complete changes can lead to, whoever made them: a sentence each."""
    found = []
    for name, fact in facts.items():
        kind = name.partition("/")[0]
        if kind == "user" and len(fact["keys"]) > 2:
            found.append(f"{name} has {len(fact['keys'])} keys")
        if kind == "role" and not fact["trust"].get("Statement"):
            found.append(f"{name} has no trust policy")
        if kind == "policy" and (fact["default"] not in fact["versions"] or not 1 <= len(fact["versions"]) <= 5):
            found.append(f"{name} has versions {sorted(fact['versions'])}, default {fact['default']!r}")
        found += [f"{name} is in {group}, which is not there" for group in fact.get("groups", ()) if f"group/{group}" not in facts]
        lost = [policy for policy in fact.get("attached", ()) if f"policy/{policy}" not in facts and not policy.startswith("aws:")]
        found += [f"{name} has {policy} attached, which is not there" for policy in lost]
    return found


def _pages(call: Call, keys: Keys, service: str, operation: str, **parameters: Any) -> Any:
    more: dict[str, Any] = {}
    while True:
        page = call(service, operation, parameters | more, keys)
        yield page
        if page.get("IsTruncated"):
            more = {"Marker": page["Marker"]}
        elif page.get("NextToken"):
            more = {"NextToken": page["NextToken"]}
        else:
            return


def _entity(detail: dict[str, Any], kind: str) -> dict[str, Any]:
    attached = (policy["PolicyArn"].partition(":policy/")[::2] for policy in detail.get("AttachedManagedPolicies", ()))
    return {
        "attached": sorted(f"aws:{name}" if place.endswith(":aws") else name for place, name in attached),
        "inline": {policy["PolicyName"]: _document(policy["PolicyDocument"]) for policy in detail.get(f"{kind}PolicyList", ())},
    }


def _tags(detail: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in detail.get("Tags", ())}


def _keys(call: Call, keys: Keys, user: str) -> list[str]:
    return [key["Status"] for key in call("iam", "ListAccessKeys", {"UserName": user}, keys)["AccessKeyMetadata"]]


def _document(text: Any) -> Any:
    return json.loads(unquote(text)) if isinstance(text, str) else text

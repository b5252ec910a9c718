"""Guards: the service and resource control policies that an organization sets around its accounts, compiled. Does not decide.

Source: AWS Organizations User Guide, "SCP evaluation" and "RCP evaluation".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from daypass import policy
from daypass.store.compiled import Compiled
from daypass.store.indices import Records
from daypass.store.records import Organization, OrganizationPolicy, OrganizationPolicyType, Target
from daypass.store.tree import Tree
from daypass.values.decision import Ask

# The services whose resources RCPs guard (AWS Organizations User Guide, "List of AWS services that support RCPs", September 2026).
RCP_SERVICES = frozenset({
    "aoss", "appconfig", "appstream", "autoscaling", "autoscaling-plans", "budgets", "clouddirectory", "cloudfront", "cloudsearch",
    "cloudtrail-data", "codeartifact", "codebuild", "codecommit", "codepipeline", "cognito-identity", "cognito-idp", "comprehend",
    "comprehendmedical", "compute-optimizer", "cost-optimization-hub", "dax", "dsql", "dynamodb", "ecr", "ecr-public", "events",
    "firehose", "fis", "fms", "gamelift", "health", "inspector-scan", "kendra", "kinesisvideo", "kms", "logs", "memorydb",
    "networkmonitor", "notifications", "opensearch", "pca-connector-ad", "personalize", "polly", "pricing", "resource-groups",
    "rolesanywhere", "s3", "secretsmanager", "servicediscovery", "signin", "sqs", "sts", "support", "swf", "textract",
    "timestream-influxdb", "transcribe", "transfer", "translate", "wafv2", "workspaces", "xray",
})  # fmt: skip
FULL_ACCESS: Mapping[OrganizationPolicyType, str] = {
    "SERVICE_CONTROL_POLICY": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    "RESOURCE_CONTROL_POLICY": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
}
FULL_ACCESS_IDS: Mapping[OrganizationPolicyType, str] = {
    "SERVICE_CONTROL_POLICY": "p-FullAWSAccess", "RESOURCE_CONTROL_POLICY": "p-RCPFullAWSAccess"
}  # fmt: skip
FULL_ACCESS_ARNS = {kind: f"arn:aws:organizations::aws:policy/{kind.lower()}/{id}" for kind, id in FULL_ACCESS_IDS.items()}
_KINDS: Mapping[OrganizationPolicyType, policy.Kind] = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}

Levels = tuple[tuple[policy.Policy, ...], ...]

log = logging.getLogger(__name__)


class Guards:
    """The levels from the root to an account, as `policy.Layers` takes them; a level that limits nothing is left out.

    INVARIANT: remembered under the same rule as in Layers; everything is forgotten when anything of an organization changes.
    """

    def __init__(self, tree: Tree, policies: Records[OrganizationPolicy], compiled: Compiled) -> None:
        self._tree = tree
        self._policies = policies
        self._compiled = compiled
        self._held: dict[tuple[str, OrganizationPolicyType], Levels] = {}

    def forget(self) -> None:
        """Something of an organization has changed."""
        self._held.clear()

    def scps(self, account: str) -> Levels:
        """The service control policies around the principals of an account."""
        return self._levels(account, "SERVICE_CONTROL_POLICY")

    def rcps(self, ask: Ask) -> Levels:
        """The resource control policies around what `ask` is for; none where it names no resource of a service that they guard."""
        if ask.resource == "*" or ask.action.partition(":")[0] not in RCP_SERVICES:
            return ()
        return self._levels(ask.account, "RESOURCE_CONTROL_POLICY")

    def _levels(self, account: str, kind: OrganizationPolicyType) -> Levels:
        found = self._held.get((account, kind))
        if found is None:
            found = self._read(account, kind)
            if self._tree.find(account) is not None:  # anyone may ask for any number; what is remembered is bounded by what there is
                self._held[account, kind] = found
        return found

    def _read(self, account: str, kind: OrganizationPolicyType) -> Levels:
        path = self._tree.path(account)
        if path is None:
            # (1) a guard that cannot be found may have denied something: deny, never pass over it (attack row C43)
            log.error("the way from the root to an account is broken", extra={"account": account, "consequence": "everything is denied"})
            return ((policy.unreadable(_KINDS[kind], account),),)
        root = path[0] if path else None
        # (2) no guard outside of an organization, before its type is enabled, nor ever for the management account
        if not isinstance(root, Organization) or kind not in root.policy_types or root.account == account:
            return ()
        levels = (self._level(target, kind) for target in path)
        return tuple(level for level in levels if level is not None)

    def _level(self, target: Target, kind: OrganizationPolicyType) -> tuple[policy.Policy, ...] | None:
        """The policies of one level, () when it allows nothing, None when it limits nothing."""
        own = [one for id in target.policies if (one := self._attached(id, kind)) is not None]
        if kind == "SERVICE_CONTROL_POLICY" and not target.full_access:
            return tuple(own)
        if not own:
            return None
        return (self._compiled.get(FULL_ACCESS[kind], _KINDS[kind], FULL_ACCESS_ARNS[kind]), *own)

    def _attached(self, id: str, kind: OrganizationPolicyType) -> policy.Policy | None:
        found = self._policies.find(id)
        if found is None:
            # (3) an attached policy that is gone is not the same as none; of which type it was cannot be known
            log.error("policy is gone", extra={"policy": id, "consequence": "everything is denied below where it is attached"})
            return policy.unreadable(_KINDS[kind], id)
        return self._compiled.get(found.text, _KINDS[kind], found.arn) if found.kind == kind else None

"""The CI services whose tokens people trust, and which claims of them name whose job it is. A table, no rule (ci_subject.py has it).

All tenants of a shared issuer hold tokens signed by the same keys: what tells them apart is a claim. Sources: each service's own page,
named below; AWS, "data perimeter policy examples", list of shared issuers; IAM User Guide, "IAM and AWS STS condition context keys".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from daypass.policy.rails.bound import WHOLE


class Issuer(NamedTuple):
    """A CI service. Its issuers without scheme: `shared` by all its customers ("" when there is none), or `own`, one for each of them.

    `claims` gives, by name, what the fixed beginning of a value must have; `whose` is what such a beginning names, `example` a value of
    `sub` to imitate, `source` where the form of its tokens is described.
    """

    name: str
    shared: str
    own: re.Pattern[str]
    claims: dict[str, re.Pattern[str]]
    whose: str
    example: str
    source: str


def _issuer(
    name: str, shared: str, own: str, subject: str, whose: str, example: str, source: str, **claims: re.Pattern[str]
) -> Issuer:
    return Issuer(name, shared, re.compile(own, re.ASCII), {"sub": re.compile(subject), **claims}, whose, example, source)


ISSUERS: tuple[Issuer, ...] = (
    _issuer(
        "GitHub Actions",
        "token.actions.githubusercontent.com",
        r"token\.actions\.githubusercontent\.com/[^/]+|token\.actions\.[a-z0-9-]+\.ghe\.com",
        r"(?:repo|repository|job_workflow_ref):[^/:\0]+/|(?:repository_owner|repository_owner_id|repository_id|enterprise_id):[^:\0]+[:\0]",
        "an organization or a repository",
        "repo:ORG/REPO:ref:refs/heads/main",
        "https://docs.github.com/en/actions/reference/security/oidc",
        repository=re.compile(r"[^/\0]+/"),
        job_workflow_ref=re.compile(r"[^/\0]+/"),
        repository_id=WHOLE,
        repository_owner_id=WHOLE,
        enterprise_id=WHOLE,
    ),
    _issuer(
        "GitLab.com",
        "gitlab.com",
        "",
        r"project_path:[^/:\0]+/",
        "a group",
        "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
        "https://docs.gitlab.com/ci/cloud_services/aws/",
        namespace_id=WHOLE,
        project_id=WHOLE,
    ),
    _issuer(
        "HCP Terraform",
        "app.terraform.io",
        "",
        r"organization:[^:\0]+:",
        "an organization",
        "organization:ORG:project:PROJECT:workspace:WORKSPACE:run_phase:apply",
        "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/aws-configuration",
    ),
    _issuer(
        "Buildkite",
        "agent.buildkite.com",
        "",
        r"organization:[^:\0]+:",
        "an organization",
        "organization:ORG:pipeline:PIPELINE:ref:refs/heads/main:commit:*",
        "https://buildkite.com/docs/pipelines/security/oidc/aws",
        organization_id=WHOLE,
        organization_slug=WHOLE,
        pipeline_id=WHOLE,
    ),
    _issuer(
        "CircleCI",
        "",
        r"oidc\.circleci\.com/org/[^/]+",
        r"org/[^/\0]+/project/[^/\0]+/",
        "a project",
        "org/ORG_ID/project/PROJECT_ID/user/*",
        "https://circleci.com/docs/openid-connect-tokens/",
        **{"oidc.circleci.com/project-id": WHOLE},
    ),
    _issuer(
        "Bitbucket Pipelines",
        "",
        r"api\.bitbucket\.org/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc",
        r"\{[^{}\0]+\}",
        "a repository",
        "{REPOSITORY_UUID}*:*",
        "https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/",
    ),
    _issuer(
        "Codefresh",
        "oidc.codefresh.io",
        "",
        r"account:[^:\0]+:",
        "an account",
        "account:ACCOUNT_ID:pipeline:PIPELINE_ID:*",
        "https://codefresh.io/docs/docs/integrations/oidc-pipelines/",
    ),
    _issuer(
        "Scalr",
        "scalr.io",
        "",
        r"account:[^:\0]+:",
        "an account",
        "account:ACCOUNT:environment:ENVIRONMENT:workspace:WORKSPACE",
        "https://docs.scalr.io/docs/aws",
    ),
    _issuer(
        "Pulumi Cloud",
        "api.pulumi.com/oidc",
        "",
        r"pulumi:[a-z]+:org:[^:\0]+:",
        "an organization",
        "pulumi:deploy:org:ORG:project:PROJECT:*",
        "https://www.pulumi.com/docs/pulumi-cloud/oidc/provider/aws/",
        aud=WHOLE,
    ),
    _issuer(
        "Vercel",
        "oidc.vercel.com",
        r"oidc\.vercel\.com/[^/]+",
        r"owner:[^:\0]+:",
        "a team",
        "owner:TEAM:project:PROJECT:environment:production",
        "https://vercel.com/docs/oidc/reference",
        aud=WHOLE,
    ),
)


def find_issuer(host: str) -> Issuer | None:
    """The CI service whose issuer is `https://` and this host and path, or None."""
    return next((issuer for issuer in ISSUERS if host and (host == issuer.shared or issuer.own.fullmatch(host))), None)

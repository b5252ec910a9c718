"""Guard rails: what is legal in a policy and dangerous, one rule a file, one setting each. Not the grammar, and no part of decisions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from daypass.policy.document import Document, Kind
from daypass.policy.rails.ci_subject import CI_PATTERN, CI_SUBJECT
from daypass.policy.rails.cognito_audience import COGNITO_AUDIENCE
from daypass.policy.rails.external_id import EXTERNAL_ID
from daypass.policy.rails.not_principal import NOT_PRINCIPAL
from daypass.policy.rails.open_principal import OPEN_PRINCIPAL
from daypass.policy.rails.pass_role import PASS_ROLE
from daypass.policy.rails.rail import Finding, Rail, Setting, Settings

__all__ = ["AWS_EXACT", "DEFAULTS", "RAILS", "Finding", "Rail", "Setting", "Settings", "inspect", "read_settings", "usable"]

RAILS: Final[tuple[Rail, ...]] = (CI_SUBJECT, CI_PATTERN, COGNITO_AUDIENCE, OPEN_PRINCIPAL, NOT_PRINCIPAL, EXTERNAL_ID, PASS_ROLE)
DEFAULTS: Final[Settings] = {rail.name: rail.default for rail in RAILS}
AWS_EXACT: Final[Settings] = {rail.name: rail.aws for rail in RAILS}
_AT_USE = tuple(rail for rail in RAILS if rail.at_use)


def inspect(document: Document, kind: Kind, account: str, settings: Settings) -> tuple[Finding, ...]:
    """What the rails say against a policy of `kind` in `account`, the refused before the warned of; rails that are off say nothing."""
    found = _findings(RAILS, document, kind, account, settings)
    return tuple(sorted(found, key=lambda finding: finding.setting != "refuse"))


def usable(document: Document, kind: Kind, account: str, settings: Settings) -> bool:
    """Whether a stored policy may be acted upon: False when a rail that also counts at use refuses it (attack row C25)."""
    return not any(finding.setting == "refuse" for finding in _findings(_AT_USE, document, kind, account, settings))


def read_settings(given: Iterable[str], *, aws_exact: bool = False) -> Settings:
    """The settings that NAME=SETTING texts make of the defaults, or of AWS's behaviour. Raises ValueError for what is not known."""
    settings = dict(AWS_EXACT if aws_exact else DEFAULTS)
    for text in given:
        name, _, setting = text.partition("=")
        if name not in settings:
            raise ValueError(f"there is no guard rail {name!r}; there are {', '.join(settings)}")
        known: dict[str, Setting] = {one: one for one in get_args(Setting)}
        if setting not in known:
            raise ValueError(f"{name} can be {', '.join(known)}, not {setting!r}")
        settings[name] = known[setting]
    return settings


def _findings(rails: Iterable[Rail], document: Document, kind: Kind, account: str, settings: Settings) -> Iterable[Finding]:
    for rail in rails:
        setting = settings.get(rail.name, rail.default)
        if setting != "off" and kind in rail.kinds:
            for one in document.statements:
                if (says := rail.find(one, account)) is not None:
                    yield Finding(rail.name, setting, one.sid or str(one.position), says)

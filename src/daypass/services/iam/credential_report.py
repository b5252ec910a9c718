"""The credential report: one line of CSV for the root and each user, kept four hours. Judges nothing (audits do).

Cells stand as they are, as on AWS: a user may be called `=1+1`. Whoever opens the file with a spreadsheet has to know that (row M05).
Source: IAM User Guide, "Getting credential reports for your AWS account".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daypass.services.iam.asks import and_then, on_anything
from daypass.services.iam.passwords import next_rotation, policy_of
from daypass.services.iam.status import by_age
from daypass.store.holdings import SigningCertificate
from daypass.store.people import CredentialReport
from daypass.store.records import AccessKey, User
from daypass.values.arn import root_arn
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.services.iam.asks import Parameters
    from daypass.way.context import Context
    from daypass.way.operation import Output

MAX_AGE = timedelta(hours=4)  # IAM User Guide: a younger report is reused, an older one is not given out
_AT_ONCE = 50  # users: a few milliseconds

COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation",
    "mfa_active", "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region",
    "access_key_1_last_used_service", "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    "access_key_2_last_used_region", "access_key_2_last_used_service", "cert_1_active", "cert_1_last_rotated", "cert_2_active",
    "cert_2_last_rotated",
)  # fmt: skip
NOTHING, NEVER, NOT_SUPPORTED = "N/A", "no_information", "not_supported"
_NO_KEY = ("false", NOTHING, NOTHING, NOTHING, NOTHING)
_NO_CERTIFICATE = ("false", NOTHING)


def _due(ctx: Context, params: Parameters) -> str | None:
    """The text of a new report, written on the outside threads; None while there is one of the last four hours."""
    report = ctx.store.credential_reports.find(ctx.account)
    if report is not None and ctx.now - report.created < MAX_AGE:
        return None
    users = ctx.store.users.of(ctx.account)
    return ctx.elsewhere(lambda: _content(ctx, users))


@operation("iam", asks=and_then(on_anything("iam:GenerateCredentialReport"), _due), writes=True)
def generate_credential_report(ctx: Context) -> Output:
    """Make a report, unless there is one of the last four hours; it is there when the answer comes."""
    if (content := _due(ctx, {})) is not None:
        ctx.changes.put(CredentialReport(id=ctx.account, account=ctx.account, created=ctx.now, content=content))
    return {"State": "COMPLETE"}


@operation("iam", asks=on_anything("iam:GetCredentialReport"))
def get_credential_report(ctx: Context) -> Output:
    """The newest report. Raises ReportNotPresent, ReportExpired when it is older than four hours."""
    report = ctx.store.credential_reports.find(ctx.account)
    if report is None:
        raise Refusal("ReportNotPresent", "No report has been generated. Generate one with GenerateCredentialReport.")
    if ctx.now - report.created >= MAX_AGE:
        raise Refusal("ReportExpired", "The most recent credential report has expired. Generate a new one with GenerateCredentialReport.")
    return {"Content": report.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": report.created}


def _content(ctx: Context, users: Sequence[User]) -> str:
    """The whole report. Holds the state still for some users at a time, so that requests go on between."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    with ctx.node.store.reading():
        writer.writerow(_root(ctx))
    for start in range(0, len(users), _AT_ONCE):
        with ctx.node.store.reading():
            writer.writerows(_row(ctx, user) for user in users[start : start + _AT_ONCE])
    return text.getvalue()


def _root(ctx: Context) -> Sequence[str]:
    """The root user, who has nothing to sign in with here."""
    account = ctx.store.accounts.find(ctx.account)
    password = (NOT_SUPPORTED, NEVER, NOT_SUPPORTED, NOT_SUPPORTED)
    none = ("false", *_NO_KEY, *_NO_KEY, *_NO_CERTIFICATE, *_NO_CERTIFICATE)
    return ("<root_account>", root_arn(ctx.account), _time(account.created if account else None), *password, *none)


def _row(ctx: Context, user: User) -> Sequence[str]:
    keys = {key.slot: key for key in ctx.store.keys_of(user.id)}
    certificates = [*sorted(ctx.store.owned(SigningCertificate, user.id), key=by_age), None, None][:2]
    return (
        user.name, user.arn, _time(user.created), *_password(ctx, user), _flag(bool(ctx.store.devices_of(user.id))),
        *_key(ctx, keys.get(1)), *_key(ctx, keys.get(2)), *(cell for certificate in certificates for cell in _certificate(certificate)),
    )  # fmt: skip


def _password(ctx: Context, user: User) -> Iterator[str]:
    profile = ctx.store.login_profiles.find(user.id)
    if profile is None:
        yield from ("false", NOTHING, NOTHING, NOTHING)
    else:
        yield from ("true", _time(profile.last_used, NEVER), _time(profile.changed), _time(next_rotation(profile, policy_of(ctx))))


def _key(ctx: Context, key: AccessKey | None) -> Sequence[str]:
    if key is None:
        return _NO_KEY
    used = ctx.store.last_used(key.id)
    use = (_time(used.at), used.region, used.service) if used else (NOTHING, NOTHING, NOTHING)
    return (_flag(key.active), _time(key.created), *use)


def _certificate(certificate: SigningCertificate | None) -> Sequence[str]:
    return _NO_CERTIFICATE if certificate is None else (_flag(certificate.active), _time(certificate.created))


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(moment: datetime | None, otherwise: str = NOTHING) -> str:
    return otherwise if moment is None else moment.isoformat(timespec="seconds")

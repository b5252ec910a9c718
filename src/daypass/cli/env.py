"""`daypass env`: a pass as variables for the current shell, with `eval "$(daypass env)"`. Writes no file and starts no program."""

from __future__ import annotations

import argparse
import configparser
import os
import shlex

from daypass.cli import process, screen
from daypass.cli.exits import CONFIG, DENIED, OK, SIGN_IN, UNREACHABLE, USAGE, Trouble

OPERATOR = "operator"
SESSION_NAME = "daypass-env"

# What would stand against the variables that are set: profiles win over keys in JS v3 (client sheet §3.8), the old token's name in boto
_CLASHING = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
_SET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",  # the CLI, JS, Go and Java read this one
    "AWS_DEFAULT_REGION",  # boto3 reads only this one (client sheet §0.9)
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--profile", default=OPERATOR, help="a profile of DIR/aws/config: the operator's, or one with role_arn")
    which.add_argument("--role-arn", metavar="ARN", help="assume this role as the operator")
    which.add_argument("--unset", action="store_true", help="print what takes the variables away again")
    parser.add_argument("--external-id", metavar="ID", help="with --role-arn: the external id that the role asks for")
    parser.add_argument("--session-name", metavar="NAME", help=f"with --role-arn: the session's name (default: {SESSION_NAME})")
    parser.add_argument("--duration", type=int, metavar="SECONDS", help="how long the pass lives")
    parser.add_argument("--region", help="the region to set (default: the profile's)")


def run(args: argparse.Namespace) -> int:
    """Print `export` lines, or with `-o json` an object of the same names."""
    if args.unset:
        if args.output == "json":
            screen.document(dict.fromkeys((*_SET, *_CLASHING)))
        else:
            screen.data(f"unset {' '.join((*_SET, *_CLASHING))}")
        return OK
    values = _variables(args)
    if args.output == "json":
        screen.document(values)
        return OK
    screen.data(f"unset {' '.join(_CLASHING)}")
    for name, value in values.items():
        screen.data(f"export {name}={shlex.quote(value)}")
    return OK


def _variables(args: argparse.Namespace) -> dict[str, str]:
    operator = read_profile(args.data, OPERATOR)
    wanted = {"role_arn": args.role_arn} if args.role_arn else read_profile(args.data, args.profile)
    if args.external_id is not None:
        wanted["external_id"] = args.external_id
    if args.session_name is not None:
        wanted["role_session_name"] = args.session_name
    url = wanted.get("endpoint_url") or operator.get("endpoint_url", "")
    region = args.region or wanted.get("region") or operator.get("region", "")
    if not url or not region:
        where = f"the profile {OPERATOR} of {config_path(args.data)}"
        raise Trouble(CONFIG, f"{where} lacks endpoint_url or region", f"daypass doctor --data {args.data}")
    if "role_arn" in wanted:
        keys = _assumed(args, wanted, url, region)
    elif args.external_id is not None or args.session_name is not None:
        raise Trouble(USAGE, f"the profile {args.profile} takes no role, so that --external-id and --session-name mean nothing")
    else:
        given = process.fetch(args.data, args.duration)
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return dict(zip(_SET, (*keys, url, region, region), strict=True))


def _assumed(args: argparse.Namespace, wanted: dict[str, str], url: str, region: str) -> tuple[str, str, str]:
    from daypass.cli import aws

    given = process.fetch(args.data)
    operator = aws.Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    members = {"RoleArn": wanted["role_arn"], "RoleSessionName": wanted.get("role_session_name", SESSION_NAME)}
    if "external_id" in wanted:
        members["ExternalId"] = wanted["external_id"]
    if duration := args.duration or wanted.get("duration_seconds"):
        members["DurationSeconds"] = str(duration)
    try:
        made = aws.credentials_of(aws.Client(url, operator, region).query("sts", "AssumeRole", **members))
    except aws.AwsError as error:
        ends = {"AccessDenied": DENIED, "ExpiredToken": SIGN_IN, "RequestTimeTooSkewed": CONFIG, "SignatureDoesNotMatch": CONFIG}
        what = f"{wanted['role_arn']} was not assumed: {error.message} ({error.code})"
        remedy = f"daypass explain --data {args.data} {error.request_id}" if error.code == "AccessDenied" else ""
        raise Trouble(ends.get(error.code, USAGE), what, remedy) from None
    except OSError as error:
        raise Trouble(UNREACHABLE, f"{url} cannot be reached: {error}", f"daypass doctor --data {args.data}") from None
    screen.talk(f"daypass: a pass for {wanted['role_arn']}, until {made.expires}")
    return made.key_id, made.secret, made.token


def config_path(data: str) -> str:
    """Where the profiles of the server on `data` are."""
    return os.path.join(data, "aws", "config")


def read_profile(data: str, name: str) -> dict[str, str]:
    """The settings of the profile `name` in `DIR/aws/config`. Raises Trouble(CONFIG) when there is none.

    A profile is offered when it is the operator's or takes a role from it; nothing else that a profile can hold is followed.
    """
    path = config_path(data)
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="")
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except FileNotFoundError:
        raise Trouble(CONFIG, f"there is no {path}", f"daypass up --data {data}") from None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise Trouble(CONFIG, f"{path} cannot be read: {error}", f"daypass doctor --data {data}") from None
    section = f"profile {name}"
    if not parser.has_section(section):
        raise Trouble(CONFIG, f"{path} has no profile {name}", f"daypass env --data {data} --profile {OPERATOR}")
    settings = dict(parser[section])
    if name != OPERATOR and (not settings.get("role_arn") or settings.get("source_profile") != OPERATOR):
        raise Trouble(CONFIG, f"the profile {name} of {path} has no role_arn with source_profile = {OPERATOR}")
    return settings

"""This server's own AWS credentials, for its KMS alone, from the places that every SDK looks at. Keeps none beyond their use.

Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers"; fact sheet B on container and instance endpoints.
(1) the environment, (2) the profile, with keys or `credential_process`, (3) the container's endpoint (ECS, EKS Pod Identity), (4) the
instance's role by IMDSv2. Not offered: profiles that assume a role or sign in; `credential_process` can stand for any of them.
"""

from __future__ import annotations

import configparser
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from daypass.outside.call import Answer, NoAnswer, call
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.hosts import is_loopback
from daypass.values.secret import Secret

SECONDS = 3.0  # for one answer of an endpoint
PROCESS_SECONDS = 20.0  # for a credential_process
IMDS = "http://169.254.169.254"
CONTAINER = "http://169.254.170.2"  # what AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is relative to
_CONTAINER_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})  # besides loopback, who may be asked without TLS
_TOLD = "its KMS credentials are not to be had"


class Credentials(msgspec.Struct, frozen=True):
    """What a request is signed with; no token for long-term keys."""

    key_id: str
    secret: Secret
    token: Secret | None = None


class _Found(msgspec.Struct):
    """As container endpoint, IMDS and credential_process spell them; the third says SessionToken."""

    AccessKeyId: str
    SecretAccessKey: str
    Token: str = ""
    SessionToken: str = ""


def get_credentials(environ: Mapping[str, str]) -> Credentials:
    """The credentials of the first place that has any. Raises KeyAway when a place does not answer, ConfigError when none has any."""
    if key_id := environ.get("AWS_ACCESS_KEY_ID"):
        return _made(key_id, environ.get("AWS_SECRET_ACCESS_KEY", ""), environ.get("AWS_SESSION_TOKEN", ""))
    return _of_profile(environ) or _of_container(environ) or _of_instance(environ)


def _made(key_id: str, secret: str, token: str) -> Credentials:
    return Credentials(key_id, Secret(secret), Secret(token) if token else None)


def _of_profile(environ: Mapping[str, str]) -> Credentials | None:
    name = environ.get("AWS_PROFILE", "default")
    home = Path(environ.get("HOME", "/"))
    shared = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials")
    config = Path(environ.get("AWS_CONFIG_FILE") or home / ".aws" / "config")
    settings = _section(config, name if name == "default" else f"profile {name}") | _section(shared, name)
    if key_id := settings.get("aws_access_key_id"):
        return _made(key_id, settings.get("aws_secret_access_key", ""), settings.get("aws_session_token", ""))
    if command := settings.get("credential_process"):
        return _by_process(command, dict(environ))
    if "AWS_PROFILE" in environ:
        raise ConfigError(f"The profile {name} of {config} has neither keys nor a credential_process, which is what --kms-key can use")
    return None


def _section(path: Path, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, default_section="\0none")
    try:
        parser.read_string(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
    return dict(parser.items(name)) if parser.has_section(name) else {}


def _by_process(command: str, environ: dict[str, str]) -> Credentials:
    try:
        done = subprocess.run(  # noqa: S603  # the operator's own command from a file of theirs, without a shell, as SDKs run it
            shlex.split(command), env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=PROCESS_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        raise KeyAway(f"the credential_process failed: {type(error).__name__}", _TOLD) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"the credential_process cannot be run: {error}") from None
    return _read(done.stdout, "the credential_process")


def _of_container(environ: Mapping[str, str]) -> Credentials | None:
    relative, full = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not relative and not full:
        return None
    url = f"{CONTAINER}{relative}" if relative else full
    where = urlsplit(url)
    near = where.hostname in _CONTAINER_HOSTS or is_loopback(where.hostname or "")
    if where.scheme != "https" and not (where.scheme == "http" and near):
        raise ConfigError("AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https, or http to loopback or a container endpoint")
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if file := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyAway(f"{file} cannot be read: {type(error).__name__}", _TOLD) from None
    if "\n" in token or "\r" in token:
        raise ConfigError("the authorization token of the container endpoint has more than one line")
    answer = _ask("GET", url, {"Authorization": token} if token else {})
    return _read(answer.body, "the container endpoint")


def _of_instance(environ: Mapping[str, str]) -> Credentials:
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise ConfigError("There are no AWS credentials for --kms-key: set AWS_PROFILE (credential_process), or run where there is a role")
    base = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", IMDS).rstrip("/")
    token = _ask("PUT", f"{base}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}).body.decode("latin-1").strip()
    header = {"X-aws-ec2-metadata-token": token}
    roles = f"{base}/latest/meta-data/iam/security-credentials/"
    role = _ask("GET", roles, header).body.decode("latin-1").partition("\n")[0].strip()
    return _read(_ask("GET", roles + quote(role, safe=""), header).body, "the instance's metadata")


def _ask(method: str, url: str, headers: Mapping[str, str]) -> Answer:
    where = urlsplit(url)
    try:
        answer = call(method, url, headers, b"", seconds=SECONDS)
    except NoAnswer as failure:
        raise KeyAway(f"{where.scheme}://{where.netloc} gives no AWS credentials: {failure}", _TOLD) from None
    if answer.status != 200:
        raise KeyAway(f"{where.scheme}://{where.netloc} gives no AWS credentials: status {answer.status}", _TOLD)
    return answer


def _read(text: bytes, source: str) -> Credentials:
    try:
        found = msgspec.json.decode(text, type=_Found)
    except msgspec.DecodeError:  # its text could quote a secret
        raise KeyAway(f"{source} gave no AWS credentials", _TOLD) from None
    return _made(found.AccessKeyId, found.SecretAccessKey, found.Token or found.SessionToken)

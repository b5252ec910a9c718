"""`daypass doctor`: finds what keeps clients from working, line by line, each with the next command. Mends nothing itself."""

from __future__ import annotations

import argparse
import os
import shlex
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from daypass.cli import control, env, screen
from daypass.cli.doctor_server import check_certificate, check_nodes, check_rows, check_server
from daypass.cli.exits import CONFIG, DENIED, OK, UNREACHABLE, Trouble
from daypass.cli.finding import Finding

MAX_SKEW = 300  # seconds; a signature further off is refused (STS, IAM: ±5 minutes)
SOON_SKEW = 30  # seconds; worth a word before it is too late
OLD_KEY = 90 * 86400  # seconds; older keys are worth a word, where they are not replaced by themselves more seldom
LONG_PENDING = 3600  # seconds that a new key may wait before it is worth a word
MAX_HEALTH = 10_000  # bytes of /health that are read
PROBE_TIMEOUT = 5.0  # seconds
OLDEST_PYTHON = (3, 11)
_TRUE = ("true", "1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 when none is a failure, else 5 (server), 4 (not yours) or 6 (clock, TLS, configuration)."""
    findings = list(examine(args.data, os.environ))
    if args.output == "json":
        screen.document([{"Check": f.check, "State": f.state, "Says": f.says, "Remedy": f.remedy} for f in findings])
    else:
        screen.table(("STATE", "CHECK", "FINDING", "NEXT"), [(f.state, f.check, f.says, f.remedy) for f in findings])
    return next((f.exit_code for f in findings if f.state == "fail"), OK)


def examine(data: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every check in order: the server and what it stands on, its address and clock, the profile, this environment, the files, Python."""
    server: Mapping[str, Any] = {}
    try:
        server = control.call(data, "DescribeServer")
        yield Finding("server", "ok", f"daypass {server['Version']} runs on {data}, {server.get('LiveSessions', '?')} live sessions")
        if "LiveSessions" not in server:
            age = server["FeedAgeSeconds"]
            says = f"away; decisions go on from a state {age:.0f} s old, changes are refused"
            yield Finding("database", "fail", says, "see the database's own log", UNREACHABLE)
        else:
            yield from _asked(data, "ListKeys", "keys", check_keys)
            yield from _asked(data, "ListNodes", "nodes", check_nodes)
            yield from _asked(data, "VerifyDatabase", "rows", check_rows)
        yield from check_server(data, server, time.time())
    except Trouble as trouble:
        yield Finding("server", "fail", trouble.what, trouble.remedy, trouble.exit_code)
    url = str(server.get("Url", ""))
    if url:
        yield from check_address(url, data)
        yield from check_certificate(url, time.time())
    yield check_profile(data, url)
    yield from check_environment(environ, url)
    yield from check_files(data)
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < OLDEST_PYTHON
    import ssl

    says = f"Python {version}, {ssl.OPENSSL_VERSION}"
    yield Finding("python", "fail" if old else "ok", says, "install Python 3.11 or newer" if old else "")


def _asked(data: str, operation: str, check: str, judge: Callable[[Mapping[str, Any], str], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from judge(control.call(data, operation), data)
    except Trouble as trouble:
        yield Finding(check, "warn", trouble.what, trouble.remedy)


def check_keys(listed: Mapping[str, Any], data: str) -> Iterator[Finding]:
    """How old the keys are that seal, and whether one that is to follow is held up. `listed` is the answer of ListKeys."""
    old = max(listed.get("RotateAfterSeconds", 0) * 2, OLD_KEY)
    see = f"daypass keys list --data {shlex.quote(data)}"
    for kind, name in (("SEAL", "tokens"), ("DATA", "secrets at rest")):
        keys = [key for key in listed["Keys"] if key["Kind"] == kind]
        for key in keys:
            if key["State"] == "PENDING" and key.get("AgeSeconds", 0) > LONG_PENDING:
                waits = ", ".join(key["WaitsFor"]) or "the root key"
                yield Finding("keys", "warn", f"the key {key['KeyId']} for {name} waits for {waits}", see)
            if key["State"] == "ACTIVE":
                age = key.get("AgeSeconds")
                says = f"{name} are sealed by {key['KeyId']}, {'of unknown age' if age is None else f'{age // 86400} days old'}"
                late = age is not None and age > old
                rotate = f"daypass keys rotate {kind.lower()} --data {shlex.quote(data)}"
                yield Finding("keys", "warn" if late else "ok", says, rotate if late else "")


def check_address(url: str, data: str) -> Iterator[Finding]:
    """Whether `url` answers, and how far this host's clock is from the server's `Date`. Trusts what the profile in `data` trusts."""
    import ssl
    import urllib.error
    import urllib.request
    from email.utils import parsedate_to_datetime

    trust = ssl.create_default_context()
    with suppress(Trouble, OSError):  # the handshake says so, and check_profile why
        if own := env.read_profile(data, env.OPERATOR).get("ca_bundle"):
            trust.load_verify_locations(own)
    noproxy, https = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    direct = urllib.request.build_opener(noproxy, https)  # what a proxy says is no word of the server's
    try:
        with direct.open(f"{url}/health", timeout=PROBE_TIMEOUT) as response:
            date = response.headers["Date"]
        yield Finding("address", "ok", f"{url} answers")
    except urllib.error.HTTPError as error:
        date = error.headers["Date"]
        says = f"{url}/health answers {error.code}: {_reasons(error)}"
        yield Finding("address", "fail", says, "see the server's own output", UNREACHABLE)
    except (OSError, ValueError) as error:
        tls = "CERTIFICATE_VERIFY_FAILED" in str(error)
        remedy = (
            "export SSL_CERT_FILE, AWS_CA_BUNDLE and NODE_EXTRA_CA_CERTS with the server's CA" if tls else "see the server's own output"
        )
        yield Finding("address", "fail", f"{url} cannot be reached: {error}", remedy, CONFIG if tls else UNREACHABLE)
        return
    try:
        skew = parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError):
        yield Finding("clock", "fail", f"{url} sends no readable Date: {date!r}")
        return
    yield judge_skew(skew)


def _reasons(answer: Any) -> str:
    """Why not, as /health tells."""
    import json

    try:
        return ", ".join(map(str, json.loads(answer.read(MAX_HEALTH))["reasons"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "without a reason"


def judge_skew(skew: float) -> Finding:
    """The finding on a server clock that is `skew` seconds ahead of this host's."""
    if abs(skew) < SOON_SKEW:
        return Finding("clock", "ok", f"within {SOON_SKEW} s of the server's")
    says = f"this host is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the server; {MAX_SKEW} s are accepted"
    return Finding("clock", "fail" if abs(skew) >= MAX_SKEW else "warn", says, "timedatectl set-ntp true")


def check_profile(data: str, url: str) -> Finding:
    """Whether `DIR/aws/config` holds a profile that works; `url` is where the server says it is ("" when it does not run)."""
    path = env.config_path(data)
    restart = f"restart the server on {data}: it writes its profile at start"
    try:
        settings = env.read_profile(data, env.OPERATOR)
        mode = os.stat(path).st_mode
    except Trouble as trouble:
        return Finding("profile", "fail", trouble.what, trouble.remedy)
    if missing := [key for key in ("credential_process", "endpoint_url", "region") if not settings.get(key)]:
        return Finding("profile", "fail", f"{path}: the profile {env.OPERATOR} lacks {', '.join(missing)}", restart)
    program = shlex.split(settings["credential_process"])[0]
    if not os.access(program, os.X_OK):
        return Finding("profile", "fail", f"{path}: credential_process names {program}, which cannot be run", restart)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Finding(
            "profile", "fail", f"{path} can be written by others, who could name another program", f"chmod go-w {shlex.quote(path)}"
        )
    if url and settings["endpoint_url"] != url:
        return Finding("profile", "fail", f"{path} points to {settings['endpoint_url']}, the server is at {url}", restart)
    use = f"export AWS_CONFIG_FILE={shlex.quote(os.path.abspath(path))} AWS_PROFILE={env.OPERATOR}"
    return Finding("profile", "ok", f"{path} has the profile {env.OPERATOR}", use)


def check_environment(environ: Mapping[str, str], url: str) -> Iterator[Finding]:
    """What in `environ` leads SDKs past the profile or past the server (client sheet §3.1, §3.8)."""
    found = [*_endpoints(environ, url), *_region(environ), *_keys(environ), *_proxy(environ, url)]
    yield from found or [Finding("environment", "ok", "nothing in it leads clients elsewhere")]


def _endpoints(environ: Mapping[str, str], url: str) -> Iterator[Finding]:
    ignore = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
    if environ.get(ignore, "").lower() in _TRUE:
        yield Finding("environment", "fail", f"{ignore} sends every call to AWS itself", f"unset {ignore}")
    for name in sorted(environ):
        if (name == "AWS_ENDPOINT_URL" or name.startswith("AWS_ENDPOINT_URL_")) and url and environ[name].rstrip("/") != url:
            yield Finding("environment", "warn", f"{name} leads to {environ[name]}, not to {url}", f"unset {name}")


def _region(environ: Mapping[str, str]) -> Iterator[Finding]:
    first, second = environ.get("AWS_REGION", ""), environ.get("AWS_DEFAULT_REGION", "")
    if first != second:
        says = (
            f"AWS_REGION is {first or 'not set'}, AWS_DEFAULT_REGION {second or 'not set'}: boto3 reads the second alone, others the first"
        )
        value = shlex.quote(first or second)
        yield Finding("environment", "warn", says, f"export AWS_REGION={value} AWS_DEFAULT_REGION={value}")


def _keys(environ: Mapping[str, str]) -> Iterator[Finding]:
    key = environ.get("AWS_ACCESS_KEY_ID", "")
    if not key:
        return
    unset = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
    if environ.get("AWS_PROFILE"):
        yield Finding("environment", "warn", "AWS_PROFILE and keys are both set: boto and the CLI use the keys, JS the profile", unset)
    if key.startswith("AKIA"):
        yield Finding("environment", "warn", f"{key} is a long-term access key", f'{unset}; eval "$(daypass env)"')
    elif not environ.get("AWS_SESSION_TOKEN"):
        yield Finding("environment", "warn", f"{key} is a temporary key without its AWS_SESSION_TOKEN", 'eval "$(daypass env)"')


def _proxy(environ: Mapping[str, str], url: str) -> Iterator[Finding]:
    scheme, _, rest = url.partition("://")
    host = rest.rpartition(":")[0] or rest
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    proxy = next((environ[name] for name in names if environ.get(name)), "")
    exempt = (environ.get("no_proxy") or environ.get("NO_PROXY", "")).split(",")
    if url and proxy and host not in exempt and "*" not in exempt:
        yield Finding(
            "environment",
            "warn",
            f"calls to {host} go through the proxy {proxy}",
            f"export NO_PROXY={','.join(filter(None, [*exempt, host]))}",
        )


def check_files(data: str) -> Iterator[Finding]:
    """Whether the data directory and the key files in it are closed to others."""
    try:
        own = [path for path in (os.path.join(data, "tls", "key.pem"),) if os.path.exists(path)]
        paths = [data, *sorted(entry.path for entry in os.scandir(data) if entry.name.endswith(".key")), *own]
        modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in paths}
    except PermissionError:
        yield Finding("files", "fail", f"{data} belongs to another user", "run it as the user that runs the server", DENIED)
        return
    except OSError as error:
        yield Finding("files", "fail", f"{data}: {error.strerror}", f"daypass up --data {shlex.quote(data)}", UNREACHABLE)
        return
    loose = {path: mode for path, mode in modes.items() if mode & (stat.S_IRWXG | stat.S_IRWXO)}
    for path, mode in loose.items():
        yield Finding("files", "fail", f"{path} is open to others (mode {mode:04o})", f"chmod go= {shlex.quote(path)}")
    if not loose:
        yield Finding("files", "ok", f"{data} is closed to others")

"""Settings: what `daypass up` can be told, and what of it is refused before anything is opened. Opens nothing but the files of secrets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from daypass.doors import log as logs
from daypass.doors.crowd import MAX_CONNECTIONS
from daypass.doors.proxies import Proxies
from daypass.policy import rails
from daypass.store.keys import PassphraseKey, RootKey, Token, read_private, root_key
from daypass.values.errors import ConfigError
from daypass.values.hosts import is_loopback
from daypass.values.secret import Secret

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound: as names they are nobody's
MAX_SECRET_FILE = 4096  # bytes of a passphrase, PIN or password
MIN_KEEP_LEDGER = 2  # days; longer than any pass lives, so that each has its line
MAX_KEEP_LEDGER = 36500  # days
MIN_ROTATE = 1  # days; a key that was replaced is kept for some 38 hours
MAX_ROTATE = 3650  # days
MAX_SHUTDOWN_DELAY = 300.0  # seconds; no load balancer needs as long to see that a node is not ready


@dataclass(frozen=True, slots=True)
class Settings:
    """What `daypass up` can be told (docs/reference/settings.md); times are seconds."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 9400
    metrics: tuple[str, int] | None = None
    public_url: str = ""
    accepted_hosts: tuple[str, ...] = ()
    tls_certificate: str = ""
    tls_key: str = ""
    tls_self_signed: bool = False
    insecure_http: bool = False
    key_file: Path | None = None
    passphrase_file: Path | None = None
    sealed: bool = False
    hsm_module: Path | None = None
    hsm_token: str = ""
    hsm_key: str = ""
    hsm_pin_file: Path | None = None
    kms_key: str = ""
    kms_endpoint: str = ""
    kms_region: str = ""
    kms_ca: str = ""
    db: str = ""
    db_password_file: Path | None = None
    operator_uids: tuple[int, ...] = ()
    idp_allow: tuple[str, ...] = ()
    idp_ca: str = ""
    trusted_proxies: tuple[str, ...] = ()
    max_connections: int = MAX_CONNECTIONS
    failure_rate: float = 100.0
    max_staleness: float = 5400.0
    keep_ledger: float = 0.0
    rotate_keys_after: float = 30.0  # days; 0: never by itself
    region: str = "us-east-1"
    durable: bool = True
    rails: tuple[str, ...] = ()
    aws_exact: bool = False
    shutdown_delay: float = 0.0
    log_format: logs.Form = "json"
    log_level: logs.Level = "warning"
    traces: str = ""

    @property
    def tls(self) -> bool:
        """Whether the listeners speak TLS."""
        return bool(self.tls_certificate) or self.tls_self_signed


def verify(settings: Settings) -> None:
    """Raises ConfigError for what is refused before anything is opened (DESIGN §5)."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise ConfigError("--tls-cert and --tls-key go together")
    if settings.tls_certificate and settings.tls_self_signed:
        raise ConfigError("--tls-self-signed is for those without --tls-cert")
    _verify_one_root_key(settings)
    for host in (settings.host, *(settings.metrics or ())[:1]):
        if not settings.tls and not settings.insecure_http and not is_loopback(host):
            how = "give --tls-cert and --tls-key, try with --tls-self-signed, or insist with --insecure-http"
            raise ConfigError(f"listening on {host} without TLS is refused: {how}")
    if settings.public_url and urlsplit(settings.public_url).path not in ("", "/"):
        raise ConfigError("--public-url has to be a scheme and a host: clients drop its path in places")
    if not 0 <= settings.shutdown_delay <= MAX_SHUTDOWN_DELAY:
        raise ConfigError(f"--shutdown-delay has to be 0 to {MAX_SHUTDOWN_DELAY} seconds, not {settings.shutdown_delay}")
    if settings.keep_ledger and not MIN_KEEP_LEDGER <= settings.keep_ledger <= MAX_KEEP_LEDGER:
        raise ConfigError(f"--keep-ledger has to be {MIN_KEEP_LEDGER} to {MAX_KEEP_LEDGER} days, not {settings.keep_ledger}")
    if settings.rotate_keys_after and not MIN_ROTATE <= settings.rotate_keys_after <= MAX_ROTATE:
        raise ConfigError(f"--rotate-keys-after has to be 0, or {MIN_ROTATE} to {MAX_ROTATE} days, not {settings.rotate_keys_after}")
    for name, number in (("--max-staleness", settings.max_staleness), ("--failure-rate", settings.failure_rate)):
        if not number >= 0:  # so that NaN is refused as well: nothing is ever more than it
            raise ConfigError(f"{name} has to be a number from 0 on, not {number}")
    if settings.traces and not _is_plain_url(settings.traces):
        raise ConfigError("--traces has to be an http:// or https:// URL without a password: those go into OTEL_EXPORTER_OTLP_HEADERS")
    rails_of(settings)
    try:
        Proxies(settings.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"--trusted-proxy wants an address or a network: {error}") from error
    if settings.max_connections < 1:
        raise ConfigError("--max-connections has to be at least 1")


def rails_of(settings: Settings) -> rails.Settings:
    """The guard rails of policies. Raises ConfigError."""
    try:
        return rails.read_settings(settings.rails, aws_exact=settings.aws_exact)
    except ValueError as error:
        raise ConfigError(f"--rail: {error}") from error


def secret_of(file: Path | None, what: str) -> Secret | None:
    """What the file of a setting holds, None without one. Raises ConfigError, also for a file that others can read."""
    if file is None:
        return None
    return Secret(read_private(file, f"file of the {what}", MAX_SECRET_FILE).rstrip(b"\n"))


def _is_plain_url(text: str) -> bool:
    try:
        where = urlsplit(text)
    except ValueError:
        return False
    return where.scheme in ("http", "https") and bool(where.hostname) and where.username is None and where.password is None


def url_of(settings: Settings, port: int) -> str:
    """The URL of the address listened on; who listens everywhere is found on this host by the address that every host has."""
    scheme = "https" if settings.tls else "http"
    host = ANYWHERE.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{port}"


def listeners_of(settings: Settings) -> tuple[str, ...]:
    """Where it was asked to listen: the API, then the metrics; without a path."""
    beside = () if settings.metrics is None else (settings.metrics,)
    scheme = "https" if settings.tls else "http"
    return tuple(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host, port in ((settings.host, settings.port), *beside))


def hosts_of(settings: Settings, url: str) -> frozenset[str]:
    """The Host names that requests may have, lower-case and without port: an attacker's name that resolves to us is none of them."""
    names = {settings.host, urlsplit(url).hostname or "", *settings.accepted_hosts} - ANYWHERE.keys()
    if any(map(is_loopback, names)):
        names |= {"localhost", "127.0.0.1", "::1"}
    return frozenset(f"[{name}]" if ":" in name else name.lower() for name in names if name)


def root_key_of(settings: Settings, data: Path) -> RootKey:
    """The root key, not taken up yet. Raises ConfigError for files with secrets that cannot be used."""
    if settings.sealed:
        return PassphraseKey(None)
    if settings.hsm_module is not None:
        pin = secret_of(settings.hsm_pin_file, "PIN") or Secret(b"")
        return root_key(Token(settings.hsm_module, settings.hsm_token, settings.hsm_key, pin))
    if settings.kms_key:
        from daypass.outside.kms import AwsKms, KmsSettings  # for those who have it

        return root_key(AwsKms(KmsSettings(settings.kms_key, settings.kms_endpoint, settings.kms_region, settings.kms_ca)))
    return root_key(secret_of(settings.passphrase_file, "passphrase") or settings.key_file or data / "root.key")


def _verify_one_root_key(settings: Settings) -> None:
    given = {
        "--key-file": settings.key_file,
        "--passphrase-file": settings.passphrase_file,
        "--sealed": settings.sealed,
        "--hsm-module": settings.hsm_module,
        "--kms-key": settings.kms_key,
    }
    named = [option for option, value in given.items() if value]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)}: the root key is in one place alone")
    if settings.hsm_module and not (settings.hsm_token and settings.hsm_key and settings.hsm_pin_file):
        raise ConfigError("--hsm-module goes with --hsm-token, --hsm-key and --hsm-pin-file")


def operators_of(settings: Settings) -> frozenset[int]:
    """The users of this host whom the socket believes."""
    return frozenset({os.getuid(), 0, *settings.operator_uids})

"""daypass up: start the server. Only reads the command line; what the parts are and how they join is app.py's."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from daypass.values.errors import ConfigError

DEFAULT_LISTEN = "127.0.0.1:9400"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `daypass up` (docs/reference/settings.md); `--data` is every command's (main.py)."""
    parser.add_argument(
        "--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help=f"address of the API (default {DEFAULT_LISTEN}; port 0: any)"
    )
    parser.add_argument("--metrics", default="", metavar="HOST:PORT", help="address of GET /metrics, for Prometheus (default: none)")
    parser.add_argument("--public-url", default="", metavar="URL", help="the URL that clients use, when it is not the address listened on")
    parser.add_argument("--accept-host", action="append", default=[], metavar="NAME", help="one more Host name to answer for (repeatable)")
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="CIDR",
        help="proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (repeatable)",
    )
    parser.add_argument(
        "--max-connections",
        type=int,
        default=12_000,
        metavar="N",
        help="how many connections there may be at once (default 12000, or what the limit of open files leaves)",
    )
    parser.add_argument("--tls-cert", default="", metavar="FILE", help="PEM certificate chain; with --tls-key the API speaks TLS")
    parser.add_argument("--tls-key", default="", metavar="FILE", help="PEM private key of --tls-cert")
    parser.add_argument("--tls-self-signed", action="store_true", help="speak TLS with DIR/tls/cert.pem, made here: to try things out")
    parser.add_argument("--insecure-http", action="store_true", help="listen beyond this host without TLS all the same")
    parser.add_argument("--sealed", action="store_true", help="take the root key from the passphrase that `daypass unseal` brings")
    add_root_keys(parser)
    parser.add_argument(
        "--db",
        default="",
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE, for several nodes (default: a file in DIR, or what DIR was used with before)",
    )
    parser.add_argument("--db-password-file", type=Path, default=None, metavar="FILE", help="the password for --db, mode 0600")
    parser.add_argument(
        "--operator-uid",
        type=int,
        action="append",
        default=[],
        metavar="UID",
        help="one more user of this host who is an operator (repeatable)",
    )
    parser.add_argument(
        "--idp-allow",
        action="append",
        default=[],
        metavar="CIDR",
        help="private addresses at which identity providers may be read (repeatable)",
    )
    parser.add_argument("--idp-ca", default="", metavar="FILE", help="PEM certificates of private CAs of identity providers")
    parser.add_argument(
        "--failure-rate",
        type=float,
        default=100.0,
        metavar="N",
        help="requests without proof a second and address, before Throttling (default 100)",
    )
    parser.add_argument(
        "--max-staleness",
        type=float,
        default=5400.0,
        metavar="SECONDS",
        help="how old the state may be before this node stops deciding (default 5400)",
    )
    parser.add_argument(
        "--rotate-keys-after",
        type=float,
        default=30.0,
        metavar="DAYS",
        help="the age at which seal keys and data keys are replaced (default 30; 0: only by daypass keys rotate)",
    )
    parser.add_argument(
        "--keep-ledger", type=float, default=0.0, metavar="DAYS", help="how long ledger lines are kept at least (default: for ever)"
    )
    parser.add_argument(
        "--rail",
        action="append",
        default=[],
        metavar="NAME=SETTING",
        help="set a guard rail of policies to refuse, warn or off (repeatable; docs/reference/guard-rails.md)",
    )
    parser.add_argument(
        "--shutdown-delay",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to go on serving, not ready, after SIGTERM, so that load balancers see it (default 0)",
    )
    parser.add_argument("--log-format", choices=("json", "text"), default="json", help="a line of the log on stderr (default json)")
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="what is worth a line; from info on each answer is (default warning)",
    )
    parser.add_argument("--traces", default="", metavar="URL", help="export OpenTelemetry traces to this OTLP/HTTP address, such as http://127.0.0.1:4318/v1/traces")
    parser.add_argument("--aws-exact", action="store_true", help="guard rails refuse only what AWS refuses; --rail still counts")
    parser.add_argument(
        "--ledger-not-durable", action="store_true", help=argparse.SUPPRESS
    )  # for bench/ alone: answers do not wait for the disk


def add_root_keys(parser: argparse.ArgumentParser, prefix: str = "") -> None:
    """Where the root key is (docs/how-to/keep-the-root-key.md); `prefix` tells the options of one key from another's."""
    parser.add_argument(
        f"--{prefix}key-file", type=Path, default=None, metavar="FILE", help="the root key, mode 0600 (default DIR/root.key)"
    )
    parser.add_argument(
        f"--{prefix}passphrase-file",
        type=Path,
        default=None,
        metavar="FILE",
        help="take the root key from the passphrase in FILE (mode 0600) instead",
    )
    parser.add_argument(
        f"--{prefix}hsm-module",
        type=Path,
        default=None,
        metavar="FILE",
        help="the root key is in a PKCS#11 token: the token's library; with the next three",
    )
    parser.add_argument(f"--{prefix}hsm-token", default="", metavar="LABEL", help="the token's label")
    parser.add_argument(f"--{prefix}hsm-key", default="daypass", metavar="LABEL", help="the key's label (default daypass)")
    parser.add_argument(f"--{prefix}hsm-pin-file", type=Path, default=None, metavar="FILE", help="the user PIN of the token, mode 0600")
    parser.add_argument(f"--{prefix}kms-key", default="", metavar="ID", help="the root key is a key of AWS KMS: its id or ARN")
    parser.add_argument(f"--{prefix}kms-endpoint", default="", metavar="URL", help="where the KMS is (default: AWS's, of the region)")
    parser.add_argument(
        f"--{prefix}kms-region", default="", metavar="REGION", help="the key's region (default: that of its ARN, or AWS_REGION)"
    )
    parser.add_argument(f"--{prefix}kms-ca", default="", metavar="FILE", help="PEM certificates of private CAs of the KMS")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM. Exit codes: 0 drained, 6 a setting is wrong (said on stderr)."""
    gc.disable()  # what loads now stays; serve() freezes it and turns the collector on again
    listen, metrics = _read_address(args.listen), _read_address(args.metrics)
    if listen is None or (args.metrics and metrics is None):
        wrong = ("--listen", args.listen) if listen is None else ("--metrics", args.metrics)
        print(f"daypass up: {wrong[0]} wants HOST:PORT, not {wrong[1]!r}", file=sys.stderr)
        return 2
    from daypass.app import serve  # the server's imports are not for the other commands to pay
    from daypass.settings import Settings

    settings = Settings(
        data=Path(args.data),
        host=listen[0],
        port=listen[1],
        metrics=metrics,
        public_url=args.public_url,
        accepted_hosts=tuple(args.accept_host),
        tls_certificate=args.tls_cert,
        tls_key=args.tls_key,
        tls_self_signed=args.tls_self_signed,
        insecure_http=args.insecure_http,
        key_file=args.key_file,
        passphrase_file=args.passphrase_file,
        sealed=args.sealed,
        hsm_module=args.hsm_module,
        hsm_token=args.hsm_token,
        hsm_key=args.hsm_key,
        hsm_pin_file=args.hsm_pin_file,
        kms_key=args.kms_key,
        kms_endpoint=args.kms_endpoint,
        kms_region=args.kms_region,
        kms_ca=args.kms_ca,
        db=args.db,
        db_password_file=args.db_password_file,
        operator_uids=tuple(args.operator_uid),
        idp_allow=tuple(args.idp_allow),
        idp_ca=args.idp_ca,
        trusted_proxies=tuple(args.trusted_proxy),
        max_connections=args.max_connections,
        failure_rate=args.failure_rate,
        max_staleness=args.max_staleness,
        keep_ledger=args.keep_ledger,
        rotate_keys_after=args.rotate_keys_after,
        durable=not args.ledger_not_durable,
        rails=tuple(args.rail),
        aws_exact=args.aws_exact,
        shutdown_delay=args.shutdown_delay,
        log_format=args.log_format,
        log_level=args.log_level,
        traces=args.traces,
    )
    from daypass.cli import screen

    try:
        with screen.stages(lines=True) as told:
            serve(settings, told=told)
    except ConfigError as error:
        print(f"daypass up: {error}", file=sys.stderr)
        return 6
    return 0


def _read_address(text: str) -> tuple[str, int] | None:
    """Host and port of `HOST:PORT`, None when it is not that."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        return None
    return host.strip("[]"), int(port)

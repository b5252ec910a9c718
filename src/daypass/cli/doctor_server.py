"""What `daypass doctor` finds about the server itself and the host under it: clock, database, ledger, nodes, listeners, certificate, files,
disk. Reads; changes nothing.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daypass.cli.exits import UNREACHABLE
from daypass.cli.finding import Finding, State

BEHIND = 2.0  # seconds that a host's clock may stand behind what it has shown, before it was set back
LEAD = 5.0  # seconds between nodes
LAG = 1000  # ledger lines that are not copied yet; a round copies more
WARN_DAYS, FAIL_DAYS = 30, 1  # before a certificate ends (fault F-26)
LITTLE, LEAST = 1 << 30, 64 << 20  # bytes free: worth a word, too few
FEW, FEWEST = 10_000, 500  # inodes
OPEN_FILES = 4096  # a limit below it bounds connections before daypass does
PROBE_SECONDS = 5.0


def check_server(data: str, server: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """Everything that the answer of DescribeServer, /proc and the disk tell, at `now` (this host's clock, epoch seconds)."""
    yield from _clock(server, now)
    yield from _database(server)
    yield _ledger(server)
    yield from check_listeners(server.get("Listeners", ()))
    yield from _descriptors(server.get("ProcessId", 0))
    yield from check_disk(data, os.statvfs)


def _clock(server: Mapping[str, Any], now: float) -> Iterator[Finding]:
    set_it = "timedatectl set-ntp true"
    if (ahead := float(server["Time"]) - now) > BEHIND:
        says = f"this host's clock was set back by {ahead:.0f} s; the server goes by the latest time that it saw until it is passed"
        yield Finding("high-water mark", "warn", says, set_it)
    if (lead := float(server.get("ClockLeadSeconds", 0))) > LEAD:
        yield Finding("clock", "warn", f"another node's clock is {lead:.0f} s ahead of this one's", set_it)


def _database(server: Mapping[str, Any]) -> Iterator[Finding]:
    if "Database" in server:
        used, most = server.get("DatabaseConnections", 0), server.get("MaxDatabaseConnections", 0)
        yield Finding("database", "ok", f"{server['Database']}; {used} of {most} connections in use")
    age, most = float(server["FeedAgeSeconds"]), float(server.get("MaxStalenessSeconds", 5400))
    state: State = "fail" if age > most else "warn" if age > most / 4 else "ok"
    says = f"the state is {age:.0f} s old; this node stops deciding at {most:.0f} s"
    yield Finding("feed", state, says, "" if state == "ok" else "see why the database does not answer", UNREACHABLE)


def _ledger(server: Mapping[str, Any]) -> Finding:
    state, lines = server.get("LedgerState", "ok"), server["LedgerLines"]
    if state == "ok":
        return Finding("ledger", "ok", f"{lines} lines, all on disk")
    data = str(server["DataDirectory"])
    remedies = {
        "full": f"df -h {shlex.quote(os.path.join(data, 'ledger'))}",
        "gone": f"put the files of {shlex.quote(data)} back, or restart the server where they are; its log says which",
    }
    remedy = remedies.get(state, "mend the disk, then restart the server")
    return Finding("ledger", "fail", f"it is {state}: changes and new passes are refused", remedy, UNREACHABLE)


def check_nodes(listed: Mapping[str, Any], data: str) -> Iterator[Finding]:
    """Nodes that are silent, behind, of another version, or whose lines are not copied. `listed` is the answer of ListNodes."""
    see = f"daypass nodes --data {shlex.quote(data)}"
    nodes = listed["Nodes"]
    found = 0
    for node in nodes:
        wrong = []
        if not node["Live"]:
            wrong.append(f"was not heard of for {node['SecondsSinceSeen']:.0f} s")
        if len(nodes) > 1 and node["Live"] and (lag := node["LedgerLines"] - node["ShippedLines"]) > LAG:
            wrong.append(f"has {lag} ledger lines that are not copied to the database")
        for says in wrong:
            found += 1
            yield Finding("nodes", "warn", f"{node['Name']} {says}", see)
    if len(versions := {node["Version"] for node in nodes if node["Live"]}) > 1:
        found += 1
        yield Finding("nodes", "warn", f"they run different versions: {', '.join(sorted(versions))}", "upgrade the others")
    if not found:
        yield Finding("nodes", "ok", f"{len(nodes)} of {len(nodes)} live")


def check_rows(found: Mapping[str, Any], data: str) -> Iterator[Finding]:
    """What in the database is damaged, row by row. `found` is the answer of VerifyDatabase."""
    for problem in found["Problems"]:
        remedy = "what needs it is denied: make it anew, or daypass restore from a backup"
        yield Finding("rows", "fail", f"damaged in the database: {problem}", remedy)
    if found["Intact"]:
        yield Finding("rows", "ok", "every row of the database can be read")


def check_listeners(listeners: Sequence[str]) -> Iterator[Finding]:
    """Who can reach what: plain HTTP and metrics are for this host alone. The API's listener is the first."""
    for number, text in enumerate(listeners):
        where = urlsplit(text)
        beyond = not _is_here(where.hostname or "")
        if number and beyond:
            says = f"{text}/metrics asks for no proof and is reachable from other hosts"
            yield Finding("listeners", "warn", says, "daypass up --metrics 127.0.0.1:9401, or close its port to strangers")
        elif beyond and where.scheme == "http":
            says = f"{text} takes session tokens in the clear from other hosts"
            yield Finding("listeners", "warn", says, "daypass up --tls-cert FILE --tls-key FILE")
        else:
            yield Finding("listeners", "ok", f"{text} is {'reachable from other hosts' if beyond else 'for this host alone'}")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _descriptors(process: int) -> Iterator[Finding]:
    folder = Path(f"/proc/{process}")
    try:
        line = next(line for line in (folder / "limits").read_text().splitlines() if line.startswith("Max open files"))
        limit = int(line.split()[3])
        used = len(list((folder / "fd").iterdir()))
    except (OSError, StopIteration, ValueError):
        return  # another user's, or one in another namespace: nothing to be seen
    tight = limit < OPEN_FILES or used > limit * 0.8
    remedy = "raise it: LimitNOFILE=32768 in the unit, or ulimit -n" if tight else ""
    yield Finding("open files", "warn" if tight else "ok", f"{used} of {limit}", remedy)


def check_disk(data: str, look: Any) -> Iterator[Finding]:
    """Space and inodes under the data directory and the ledger; `look` is os.statvfs."""
    seen: set[object] = set()
    for path in (data, os.path.join(data, "ledger")):
        try:
            found = look(path)
            device = os.stat(path).st_dev
        except OSError:
            continue  # check_files tells of it
        if device in seen:
            continue
        seen.add(device)
        free, inodes = found.f_bavail * found.f_frsize, found.f_favail
        few = found.f_files > 0 and inodes < FEW  # some file systems have no such number
        state: State = "ok"
        if free < LITTLE or few:
            state = "fail" if free < LEAST or (few and inodes < FEWEST) else "warn"
        says = f"{free / (1 << 30):.1f} GiB and {inodes} inodes free under {path}"
        yield Finding("disk", state, says, "" if state == "ok" else f"df -h {shlex.quote(path)}; df -i {shlex.quote(path)}")


def check_certificate(url: str, now: float) -> Iterator[Finding]:
    """How long the certificate that `url` shows is good for."""
    where = urlsplit(url)
    if where.scheme != "https":
        return
    import socket
    import ssl

    from cryptography import x509

    seeing = ssl.create_default_context()  # whom it is for and whether it is trusted, check_address says
    seeing.check_hostname, seeing.verify_mode = False, ssl.CERT_NONE
    try:
        address = (where.hostname or "", where.port or 443)
        with socket.create_connection(address, PROBE_SECONDS) as plain, seeing.wrap_socket(plain, server_hostname=where.hostname) as shown:
            der = shown.getpeercert(binary_form=True)
            version = shown.version()
        leaf = x509.load_der_x509_certificate(der or b"")
    except (OSError, ValueError):
        return  # check_address says why
    days = (leaf.not_valid_after_utc.timestamp() - now) / 86400
    state: State = "fail" if days < FAIL_DAYS else "warn" if days < WARN_DAYS else "ok"
    says = "the certificate has expired" if days < 0 else f"the certificate is good for {days:.0f} days ({version})"
    yield Finding("tls", state, says, "" if state == "ok" else "replace the files of --tls-cert and --tls-key: they are read anew")

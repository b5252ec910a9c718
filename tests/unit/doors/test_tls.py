"""The listeners' certificate: what is refused and how it is named, reading anew, the end that comes near, one that signs itself."""

from __future__ import annotations

import errno
import logging
import re
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from daypass.doors.tls import RENEW_DAYS, SELF_SIGNED_DAYS, Certificate, self_signed
from daypass.values.errors import ConfigError
from rig.papers import certificate, ec_key, pem, private_pem, rsa_key

NOW = datetime(2026, 12, 1, tzinfo=UTC)
END = NOW + timedelta(days=40)


class Pair:
    """Two files; `write` puts a certificate of that name into them."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self.write("one")

    def write(self, name: str, ends: datetime = END) -> None:
        self.chain.write_text(pem(certificate(name, ends=ends)))
        self.key.write_text(private_pem(ec_key(name)))
        self.key.chmod(0o600)

    def read(self) -> Certificate:
        return Certificate(self.chain, self.key)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def shown(certificate: Certificate) -> str:
    """The common name that a client sees, in a handshake in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    client = lax.wrap_bio(back, there)
    server = certificate.context.wrap_bio(there, back, server_side=True)
    for side in (client, server) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    der = client.getpeercert(True)
    assert der is not None
    name = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    return str(name)


# -- what is refused


def _no_file(pair: Pair) -> None:
    pair.chain.unlink()


def _no_certificate(pair: Pair) -> None:
    pair.chain.write_text("not a certificate")


def _no_key_file(pair: Pair) -> None:
    pair.key.unlink()


def _no_key(pair: Pair) -> None:
    pair.key.write_text(pem(certificate("one")))


def _foreign(pair: Pair) -> None:
    pair.key.write_text(private_pem(ec_key("other")))


def _encrypted(pair: Pair) -> None:
    pair.key.write_text(private_pem(ec_key("one"), b"passphrase"))


def _weak(pair: Pair) -> None:
    pair.chain.write_text(pem(certificate("weak", rsa_key("weak", 1024))))
    pair.key.write_text(private_pem(rsa_key("weak", 1024)))


SPOILED: list[tuple[Callable[[Pair], None], str]] = [
    (_no_file, "--tls-cert: .*chain.pem cannot be read: No such file"),
    (_no_certificate, "--tls-cert: .*chain.pem holds no PEM certificate"),
    (_no_key_file, "--tls-key: .*key.pem cannot be read: No such file"),
    (_no_key, "--tls-key: .*key.pem holds no PEM private key"),
    (_foreign, "--tls-key: .*key.pem is not the key of the first certificate in .*chain.pem"),
    (_encrypted, "--tls-key: .*key.pem is encrypted: openssl pkey"),
    (_weak, "chain.pem with .*key.pem cannot be used"),
]


@pytest.mark.parametrize(("spoil", "complaint"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_F25_what_cannot_be_used_is_named(pair: Pair, spoil: Callable[[Pair], None], complaint: str) -> None:
    spoil(pair)
    with pytest.raises(ConfigError, match=complaint):
        pair.read()


@pytest.mark.parametrize(("spoil", "complaint"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_F25_the_one_before_goes_on(pair: Pair, spoil: Callable[[Pair], None], complaint: str, caplog: pytest.LogCaptureFixture) -> None:
    made = pair.read()
    spoil(pair)
    made.look(NOW)
    assert shown(made) == "one"
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert re.search(complaint, vars(record)["reason"])
    made.look(NOW)
    assert len(caplog.records) == 1  # told once
    pair.write("two")
    made.look(NOW)
    assert shown(made) == "two"


def test_a_key_that_every_user_can_read_is_told_of(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    pair.read()
    assert caplog.records == []
    pair.key.chmod(0o644)
    pair.read()
    assert [vars(record)["mend"] for record in caplog.records] == [f"chmod o= {pair.key}"]


# -- reading anew


def test_a_changed_file_is_read_and_the_context_stays(pair: Pair) -> None:
    made = pair.read()
    context = made.context
    assert shown(made) == "one"
    pair.write("two")
    assert shown(made) == "one"
    made.look(NOW)
    assert shown(made) == "two"
    assert made.context is context


def test_a_key_of_another_kind_leaves_nothing_of_the_one_before(pair: Pair) -> None:
    pair.chain.write_text(pem(certificate("rsa", rsa_key("rsa"), ends=END)))
    pair.key.write_text(private_pem(rsa_key("rsa")))
    made = pair.read()
    assert shown(made) == "rsa"
    pair.write("two")
    made.look(NOW)
    made.context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
    made.context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shown(made) == "two"


def test_files_that_are_links_are_followed(tmp_path: Path) -> None:
    """As Kubernetes and certbot replace them: the links stay, what they lead to changes."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        Pair(tmp_path / name).write(name)
    current = tmp_path / "current"
    current.symlink_to("first")
    made = Certificate(current / "chain.pem", current / "key.pem")
    assert shown(made) == "first"
    (tmp_path / "next").symlink_to("second")
    (tmp_path / "next").replace(current)
    made.look(NOW)
    assert shown(made) == "second"


# -- the end


def test_F26_the_end_is_told_of_30_7_and_1_days_before_and_when_it_came(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    made = pair.read()
    told = []
    for hours in range(40 * 24 + 2):
        made.look(NOW + timedelta(hours=hours))
        told += [(hours / 24, record.levelname) for record in caplog.records]
        caplog.clear()
    assert told == [(10, "WARNING"), (33, "WARNING"), (39, "WARNING"), (40, "ERROR")]
    assert made.seconds_left(END) == 0
    pair.write("two", END + timedelta(days=90))
    made.look(END)
    assert [record.getMessage() for record in caplog.records] == ["the TLS certificate was read anew"]


# -- one that signs itself


def test_one_that_signs_itself(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path / "tls", ["daypass.example", "192.0.2.1"], NOW)
    leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    public = leaf.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(str(name.value) for name in names) == ["127.0.0.1", "192.0.2.1", "::1", "daypass.example", "localhost"]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=SELF_SIGNED_DAYS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (chain, key)} == {0o600}
    assert Certificate(chain, key).seconds_left(NOW) > 0
    leaf.verify_directly_issued_by(leaf)


def test_it_is_made_anew_for_other_names_and_near_its_end_only(tmp_path: Path) -> None:
    made = [
        self_signed(tmp_path, names, NOW + timedelta(days=days))[0].read_bytes()
        for names, days in ((["a.test"], 0), (["a.test"], 300), (["b.test"], 300), (["b.test"], 300 + SELF_SIGNED_DAYS - 30))
    ]
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_it_is_made_anew_when_its_files_are_spoiled(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, ["a.test"], NOW)
    key.write_text("")
    self_signed(tmp_path, ["a.test"], NOW)
    assert Certificate(chain, key).not_after > NOW


def test_F26_it_is_made_anew_while_it_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = partial(self_signed, tmp_path / "tls", ["a.test"])
    certificate = Certificate(*renew(NOW), renew)
    context, first = certificate.context, certificate.not_after
    certificate.look(NOW + timedelta(days=300))
    assert certificate.not_after == first
    late = first - timedelta(days=RENEW_DAYS)
    with monkeypatch.context() as patch:
        patch.setattr("daypass.doors.tls.os.open", _no_space)
        certificate.look(late)
    assert certificate.not_after == first
    certificate.look(late)
    assert certificate.not_after > late + timedelta(days=300)
    assert certificate.context is context  # so that no connection notices


def _no_space(*_: object) -> int:
    raise OSError(errno.ENOSPC, "full")

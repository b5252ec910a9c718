"""SSH public keys: RSA of 2048 bits or more, as OpenSSH or PEM writes it, and nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from daypass.proof.ssh_key import MAX_RSA_EXPONENT, InvalidKey, UnknownEncoding, read_ssh_key
from rig import papers

# Made by `ssh-keygen -t rsa -b 2048` of OpenSSH 9.2, its fingerprint shown by `ssh-keygen -l -E md5`; the private key was thrown away.
VECTOR = (
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQDW6qNzNkBSAWAjY7d2EtuJ9PcbpnE5UdAAtRtVJHtUiyga5Otow4Z+/LfdHQKwSvDZ1DYw"
    "z6LR2rEhvJa/ooBTQhpk+XsMN+cbOHsQLIJtLjcjZbrjBt2HV6xSG/TzVB+E9YpDGq+sJnmVZnJN0cCgguc2q9MDeHVvGbfk1kJ+"
    "QO8rx7wR3ZFRNgmn7nD0R5YVj+PxKY9AVD7WfUfFAvBsHA1aDZ58m8Z6XY0+qY6qZjPZgVgLnDqW6UtHamw021AMAJDWJnLVbjrq"
    "F5NpEJaAszejsbPvg0f5WRi9Whql54JnN4Ki4rGMbh5SRazz68H/FowytfcfRkIhYhRjb1Ab"
)
LINE, PEM = papers.ssh_line(), papers.public_pem()


def test_both_spellings_are_the_same_key() -> None:
    one, other = read_ssh_key(LINE), read_ssh_key(f"\n{PEM}\n")
    assert one == other
    assert one.openssh == " ".join(LINE.split()[:2]) and one.pem == PEM


def test_the_fingerprint_is_ssh_keygens() -> None:
    assert read_ssh_key(f"ssh-rsa {VECTOR} vector").fingerprint == "2d:0c:6d:aa:4c:88:5a:bc:43:47:2d:c1:37:63:af:19"


def test_an_exponent_that_only_costs_time_is_refused() -> None:
    modulus = papers.rsa_key().public_key().public_numbers().n
    for exponent, taken in ((MAX_RSA_EXPONENT - 1, True), (MAX_RSA_EXPONENT + 1, False)):
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        if taken:
            assert read_ssh_key(text)
        else:
            with pytest.raises(InvalidKey):
                read_ssh_key(text)


def test_a_modulus_has_2048_to_8192_bits() -> None:
    for bits, taken in ((2047, False), (2048, True), (8192, True), (8193, False)):
        key = rsa.RSAPublicNumbers(65537, 2 ** (bits - 1) + 1).public_key()
        text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        if taken:
            assert read_ssh_key(text)
        else:
            with pytest.raises(InvalidKey):
                read_ssh_key(text)


@pytest.mark.parametrize("text", ["", "hello", "rsa-ssh AAAA", "AAAAB3NzaC1yc2E", 'command="x" ' + LINE])
def test_another_beginning_is_another_encoding(text: str) -> None:
    with pytest.raises(UnknownEncoding):
        read_ssh_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "ssh-rsa", "ssh-rsa !!!!", LINE[:60], LINE.replace("ssh-rsa", "ssh-dss"), LINE + "\n" + LINE, LINE + "\r" + LINE, PEM[:-40],
        papers.ssh_line(papers.rsa_key("weak", 1024)), papers.ssh_line(papers.ec_key()).replace("ecdsa-sha2", "ssh-ecdsa"),
        papers.ssh_line(ed25519.Ed25519PrivateKey.generate()), papers.public_pem(papers.ec_key()), papers.private_pem(papers.rsa_key()),
        "ssh-rsa \u20ac",
    ],
    ids=[f"text{number}" for number in range(13)],  # the keys are new each time, and workers have to agree on names
)  # fmt: skip
def test_any_other_key_is_invalid(text: str) -> None:
    with pytest.raises(InvalidKey):
        read_ssh_key(text)

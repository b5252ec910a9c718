"""The KMS client, against moto's KMS and botocore's signer, and against every way in which a KMS fails."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Botos

from daypass.outside import kms as module
from daypass.outside.aws_credentials import Credentials
from daypass.outside.call import NoAnswer, call
from daypass.outside.kms import AwsKms, KmsSettings, sign
from daypass.store.keys import KmsKey
from daypass.values.errors import ConfigError, KeyAway, WrongKey
from daypass.values.secret import Secret
from rig.kms import KEYS, REGION, Kms

HERE = {"daypass": "installation|root|check"}
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def service() -> Iterator[Kms]:
    made = Kms()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _whole(service: Kms) -> Iterator[None]:
    service.failing, service.hanging = [None], False
    service.seen.clear()
    yield
    service.failing, service.hanging = [None], False


def client(service: Kms, key: str, naps: list[float] | None = None) -> AwsKms:
    return AwsKms(KmsSettings(key, service.url, REGION), KEYS, sleep=(naps if naps is not None else []).append)


def test_what_was_encrypted_is_decrypted_in_its_own_context_only(service: Kms) -> None:
    kms = client(service, service.new_key())
    sealed = kms.encrypt(b"a data key", HERE)
    assert b"a data key" not in sealed
    assert kms.decrypt(sealed, HERE) == b"a data key"
    for context in ({"daypass": "elsewhere"}, {}):
        with pytest.raises(WrongKey):
            kms.decrypt(sealed, context)
    with pytest.raises(WrongKey):
        kms.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), HERE)


def test_boto3_opens_what_we_sealed_and_the_other_way_round(service: Kms) -> None:
    arn = service.new_key()
    kms, boto = client(service, arn), service.client()
    opened = boto.decrypt(KeyId=arn, CiphertextBlob=kms.encrypt(b"ours", HERE), EncryptionContext=HERE)
    assert opened["Plaintext"] == b"ours"
    assert kms.decrypt(boto.encrypt(KeyId=arn, Plaintext=b"theirs", EncryptionContext=HERE)["CiphertextBlob"], HERE) == b"theirs"


def test_another_key_of_the_service_does_not_open_it(service: Kms) -> None:
    sealed = client(service, service.new_key()).encrypt(b"x", HERE)
    other = client(service, service.new_key())
    with pytest.raises(ConfigError, match="AccessDeniedException"):  # moto's word for it
        other.decrypt(sealed, HERE)
    service.failing = [(400, "IncorrectKeyException")]  # AWS's
    with pytest.raises(WrongKey):
        other.decrypt(sealed, HERE)


@pytest.mark.parametrize("token", ["", "a/session+token="])
def test_the_signature_is_that_of_botocore(token: str) -> None:
    now = datetime(2026, 12, 1, 5, 0, 0, tzinfo=UTC)
    body = b'{"KeyId":"x"}'
    headers = {"content-type": module.CONTENT_TYPE, "host": "kms.eu-central-1.amazonaws.com", "x-amz-target": "TrentService.Decrypt"}
    ours = sign(headers, body, Credentials("AKIAX", Secret("s3cret"), Secret(token) if token else None), REGION, now)
    request = AWSRequest("POST", "https://kms.eu-central-1.amazonaws.com/", headers=headers, data=body)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signer = SigV4Auth(Botos("AKIAX", "s3cret", token or None), "kms", REGION)
    canonical = signer.canonical_request(request)
    assert ours["authorization"].endswith(f"Signature={signer.signature(signer.string_to_sign(request, canonical), request)}")
    assert f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}," in ours["authorization"]


# -- how it fails


@pytest.mark.parametrize(
    "failure", [(400, "ThrottlingException"), (500, "KMSInternalException"), (503, ""), (400, "KeyUnavailableException")]
)
def test_what_passes_by_itself_is_tried_again_a_few_times(service: Kms, failure: tuple[int, str]) -> None:
    naps: list[float] = []
    kms = client(service, service.new_key(), naps)
    sealed = kms.encrypt(b"x", HERE)
    service.failing = [failure, failure, None]
    assert kms.decrypt(sealed, HERE) == b"x"
    assert naps == [module.PAUSE, 2 * module.PAUSE]
    service.seen.clear()
    service.failing = [failure]
    with pytest.raises(KeyAway) as away:
        kms.decrypt(sealed, HERE)
    assert len(service.seen) == module.TRIES
    assert away.value.by_itself and service.url not in away.value.told and kms.key not in away.value.told


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException", "ExpiredTokenException"])
def test_a_key_that_is_turned_off_is_waited_for_without_haste(service: Kms, code: str) -> None:
    service.failing = [(400, code)]
    with pytest.raises(KeyAway, match=code):
        client(service, ID).decrypt(b"x", HERE)
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "NotFoundException", "UnrecognizedClientException", "InvalidKeyUsageException", "InvalidSignatureException"],
)
def test_a_refusal_is_a_refusal(service: Kms, code: str) -> None:
    service.failing = [(400, code)]
    with pytest.raises(ConfigError, match=code) as refused:
        client(service, ID).decrypt(b"x", HERE)
    assert not isinstance(refused.value, KeyAway)
    assert len(service.seen) == 1


def test_a_key_that_does_not_exist_is_a_refusal(service: Kms) -> None:
    with pytest.raises(ConfigError, match="NotFoundException"):
        client(service, ID).encrypt(b"x", HERE)


def test_a_service_that_hangs_is_not_waited_for(service: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.2)
    service.hanging = True
    with pytest.raises(KeyAway, match=r"no answer within 0\.2 s"):
        client(service, ID).decrypt(b"x", HERE)


def test_an_answer_that_drips_is_cut_off() -> None:
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n")
            while not ended.wait(0.02):
                peer.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        try:
            with pytest.raises(NoAnswer):
                call("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"", seconds=0.3)
        finally:
            ended.set()
            dripping.join()


def test_a_service_that_is_not_there_is_waited_for() -> None:
    kms = AwsKms(KmsSettings(ID, "http://127.0.0.1:1", REGION), KEYS, sleep=lambda _: None)
    with pytest.raises(KeyAway, match="ConnectionRefusedError"):
        kms.decrypt(b"x", HERE)


@pytest.mark.parametrize("failure", [(200, ""), (302, ""), (400, "")])
def test_an_answer_that_is_none_is_not_believed(service: Kms, failure: tuple[int, str]) -> None:
    service.failing = [failure]
    with pytest.raises(ConfigError):
        client(service, ID).decrypt(b"x", HERE)


@pytest.mark.parametrize(
    "settings",
    [
        {"key": "alias/daypass"},
        {"key": "arn:aws:kms:eu-central-1:111122223333:alias/daypass"},
        {"key": ID},  # no region
        {"key": ID, "region": "x", "endpoint": "kms.example"},
        {"key": ID, "region": "x", "endpoint": "https://user:password@kms.example"},
        {"key": ID, "region": "x", "endpoint": "https://kms.example/path"},
        {"key": ID, "region": "x", "endpoint": "http://kms.example"},
        {"key": ID, "region": "x", "endpoint": "http://192.0.2.1:8080"},
        {"key": ID, "region": "x", "ca_file": os.devnull},
        {"key": ID, "region": "x", "ca_file": "/nowhere"},
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="--kms-"):
        AwsKms(KmsSettings(**settings), {})


@pytest.mark.parametrize(
    ("key", "region", "host"),
    [
        (f"arn:aws:kms:eu-west-3:111122223333:key/{ID}", "", "kms.eu-west-3.amazonaws.com"),
        (f"arn:aws-cn:kms:cn-north-1:111122223333:key/{ID}", "", "kms.cn-north-1.amazonaws.com.cn"),
        ("mrk-" + "0" * 32, "us-west-2", "kms.us-west-2.amazonaws.com"),
    ],
)
def test_where_the_key_is(key: str, region: str, host: str) -> None:
    assert AwsKms(KmsSettings(key, region=region), {})._host == host


def test_the_root_key_binds_to_its_place_by_the_context(service: Kms) -> None:
    kms = client(service, service.new_key())
    one = KmsKey(kms)
    parameters = one.begin()
    wrapped = one.wrap(b"a data key", b"here")
    again = KmsKey(kms)
    again.resume(parameters)
    assert again.unwrap(wrapped, b"here") == b"a data key"
    with pytest.raises(WrongKey):
        again.unwrap(wrapped, b"there")
    with pytest.raises(ConfigError, match="in a key file, not in a KMS"):
        again.resume(b'{"kind":"file"}')

import pytest

from daypass.passes import SealKeyValue
from daypass.values.mac import Mac
from daypass.values.secret import Secret


@pytest.mark.parametrize("name", ["", "0a1b2c3", "0A1B2C3D", "0a1b2c3d\n", "0a1b2c3g", "٠a1b2c3d"])
def test_another_form_of_id_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="8 lower-case hex"):
        SealKeyValue(name, Secret(bytes(32)))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SealKeyValue("0a1b2c3d", Secret(bytes(size)))


def test_both_keys_follow_from_the_secret_and_neither_is_it() -> None:
    secret = Secret(b"s" * 32)
    one, two, other = SealKeyValue("00000001", secret), SealKeyValue("00000002", secret), SealKeyValue("00000001", Secret(b"t" * 32))
    assert one.deriving.digest(b"x") == two.deriving.digest(b"x")
    assert one.deriving.digest(b"x") != other.deriving.digest(b"x")
    assert one.deriving.digest(b"x") != Mac(secret.reveal()).digest(b"x")
    sealed = one.aead.encrypt(bytes(12), b"x", None)
    assert two.aead.decrypt(bytes(12), sealed, None) == b"x"


def test_it_does_not_show_its_keys() -> None:
    key = SealKeyValue("0a1b2c3d", Secret(b"s" * 32))
    assert "ssss" not in repr(key) + repr(key.deriving)
    assert not {"reveal", "key", "_key"} & set(dir(key.deriving))  # what was derived is only hashed pads by now

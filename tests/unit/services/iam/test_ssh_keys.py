"""SSH public keys of users: five at most, none twice, shown in both spellings."""

from __future__ import annotations

from typing import Any

from rig import papers
from unit.services.world import World, refused


def upload(world: World, body: str = "", user: str = "bob") -> dict[str, Any]:
    made: dict[str, Any] = world.call("UploadSSHPublicKey", UserName=user, SSHPublicKeyBody=body or papers.ssh_line())["SSHPublicKey"]
    return made


def test_a_key_is_kept_shown_switched_off_and_deleted(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    made = upload(world)
    assert (made["Status"], made["SSHPublicKeyId"][:4], made["SSHPublicKeyBody"]) == ("Active", "APKA", papers.ssh_line())
    name = {"UserName": "bob", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert world.call("GetSSHPublicKey", **name, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"] == papers.public_pem()
    shown = world.call("GetSSHPublicKey", **name, Encoding="SSH")["SSHPublicKey"]
    assert (shown["SSHPublicKeyBody"], shown["Fingerprint"]) == (papers.ssh_line().rsplit(" ", 1)[0], made["Fingerprint"])
    world.call("UpdateSSHPublicKey", **name, Status="Inactive")
    (listed,) = world.call("ListSSHPublicKeys", by=world.user("bob"))["SSHPublicKeys"]
    assert (listed["Status"], listed["UploadDate"]) == ("Inactive", made["UploadDate"]) and "SSHPublicKeyBody" not in listed
    with refused("InvalidInput"):
        world.call("UpdateSSHPublicKey", **name, Status="Expired")
    with refused("DeleteConflict", "must delete SSH public keys first"):
        world.call("DeleteUser", UserName="bob")
    world.call("DeleteSSHPublicKey", **name)
    with refused("NoSuchEntity", made["SSHPublicKeyId"]):
        world.call("GetSSHPublicKey", **name, Encoding="SSH")
    world.call("DeleteUser", UserName="bob")


def test_the_same_key_in_another_spelling_is_a_duplicate(world: World) -> None:
    for user in ("bob", "eve"):
        world.call("CreateUser", UserName=user)
        upload(world, user=user)
    for again in (papers.ssh_line() + "2", papers.public_pem()):
        with refused("DuplicateSSHPublicKey"):
            upload(world, again)


def test_the_wrong_encoding_and_a_wrong_key_are_told_apart(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    with refused("UnrecognizedPublicKeyEncoding"):
        upload(world, "hello")
    with refused("InvalidPublicKey"):
        upload(world, papers.ssh_line(papers.rsa_key("weak", 1024)))


def test_five_keys_and_another_users_key_is_not_there(world: World) -> None:
    for user in ("bob", "eve"):
        world.call("CreateUser", UserName=user)
    made = [upload(world, papers.ssh_line(papers.rsa_key(f"ssh{number}"))) for number in range(5)]
    with refused("LimitExceeded", "SSHPublicKeysPerUser: 5"):
        upload(world)
    with refused("NoSuchEntity"):
        world.call("DeleteSSHPublicKey", UserName="eve", SSHPublicKeyId=made[0]["SSHPublicKeyId"])
    page = world.call("ListSSHPublicKeys", UserName="bob", MaxItems=3)
    rest = world.call("ListSSHPublicKeys", UserName="bob", MaxItems=3, Marker=page["Marker"])
    ids = [key["SSHPublicKeyId"] for part in (page, rest) for key in part["SSHPublicKeys"]]
    assert ids == [key["SSHPublicKeyId"] for key in made], "oldest first"

"""SSH public keys of users: kept, so that audits see them and leavers lose them. Nothing here opens a shell by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.proof.ssh_key import InvalidKey, SshPublicKey, UnknownEncoding, read_ssh_key
from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_user
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.status import by_age, read_status, show_status
from daypass.store.holdings import SshKey
from daypass.store.records import User
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

KEY_ID = "APKA"  # IAM User Guide, "Unique identifiers"


def _get(ctx: Context, user: User, key_id: str) -> SshKey:
    for key in ctx.store.owned(SshKey, user.id):
        if key.id == key_id:
            return key
    raise entities.no_such(f"The Public Key with id {key_id} cannot be found.")


def _read(body: str) -> SshPublicKey:
    try:
        return read_ssh_key(body)
    except UnknownEncoding:
        raise Refusal("UnrecognizedPublicKeyEncoding", "The public key is neither in OpenSSH nor in PEM format.") from None
    except InvalidKey:
        raise Refusal("InvalidPublicKey", "The public key must be an RSA key of 2048 bits or more.") from None


def _listed(user: User, key: SshKey) -> dict[str, Any]:
    return {"UserName": user.name, "SSHPublicKeyId": key.id, "Status": show_status(key), "UploadDate": key.created}


def _show(user: User, key: SshKey, read: SshPublicKey, body: str) -> Output:
    return {"SSHPublicKey": {**_listed(user, key), "Fingerprint": read.fingerprint, "SSHPublicKeyBody": body}}


@operation("iam", asks=on_user("iam:UploadSSHPublicKey"), writes=True)
def upload_ssh_public_key(ctx: Context, *, user_name: str, ssh_public_key_body: str) -> Output:
    """Give a user an SSH key; the same key twice is refused, however it is spelled."""
    user = entities.get_user(ctx, user_name)
    keys = ctx.store.owned(SshKey, user.id)
    read = _read(ssh_public_key_body)
    if any(key.blob == read.blob for key in keys):
        raise Refusal("DuplicateSSHPublicKey", "The public key is already associated with the user.")
    quotas.within("SSHPublicKeysPerUser", quotas.SSH_KEYS_PER_USER, len(keys) + 1)
    key = SshKey(
        id=ids.unique_id(KEY_ID, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        owner=user.id,
        body=ssh_public_key_body,
        blob=read.blob,
    )
    ctx.changes.put(key)
    return _show(user, key, read, key.body)


@operation("iam", asks=on_user("iam:GetSSHPublicKey"))
def get_ssh_public_key(ctx: Context, *, user_name: str, ssh_public_key_id: str, encoding: str) -> Output:
    """Show an SSH key in OpenSSH's spelling or as PEM."""
    user = entities.get_user(ctx, user_name)
    key = _get(ctx, user, ssh_public_key_id)
    read = _read(key.body)
    return _show(user, key, read, read.openssh if encoding == "SSH" else read.pem)


@operation("iam", asks=on_user("iam:ListSSHPublicKeys"))
def list_ssh_public_keys(ctx: Context, *, user_name: str | None = None, marker: str | None = None, max_items: int = PAGE) -> Output:
    """A user's SSH keys, oldest first."""
    user = entities.get_user_or_self(ctx, user_name)
    return listing(
        ctx,
        "SSHPublicKeys",
        ctx.store.owned(SshKey, user.id),
        lambda key: _listed(user, key),
        key=by_age,
        marker=marker,
        max_items=max_items,
        of=user.id,
    )


@operation("iam", asks=on_user("iam:UpdateSSHPublicKey"), writes=True)
def update_ssh_public_key(ctx: Context, *, user_name: str, ssh_public_key_id: str, status: str) -> None:
    """Switch an SSH key off or on."""
    key = _get(ctx, entities.get_user(ctx, user_name), ssh_public_key_id)
    ctx.changes.put(replace(key, active=read_status(status)))


@operation("iam", asks=on_user("iam:DeleteSSHPublicKey"), writes=True)
def delete_ssh_public_key(ctx: Context, *, user_name: str, ssh_public_key_id: str) -> None:
    """Take an SSH key from a user."""
    ctx.changes.delete(_get(ctx, entities.get_user(ctx, user_name), ssh_public_key_id))

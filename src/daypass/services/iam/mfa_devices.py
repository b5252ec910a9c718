"""Virtual MFA devices: made with their seed, shown once; enabled and brought in step by two codes; tagged, deactivated, deleted.

Takes no code for a request (services/mfa.py does). Two things are stricter than AWS on purpose: whoever has a device cannot enable
another or take one away for themselves without MFA (attack row H16: with a stolen key alone that would be the way around it), and a
used code is not taken to bring a device in step.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.proof import totp
from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import and_then, on_anything, on_device, on_new_device, on_user, with_tag_keys, with_tags
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_tags, show_user
from daypass.services.iam.tags import Given, list_tags, put_tags, read_tags, take_tags
from daypass.store.people import MfaDevice
from daypass.store.records import User
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.way.operation import operation
from daypass.way.throttle import too_many_guesses

if TYPE_CHECKING:
    from daypass.services.iam.asks import Parameters
    from daypass.way.context import Context
    from daypass.way.operation import Output

MFA_DEVICE = "AMFA"  # the prefix of our unique ids; AWS shows none for devices
MAX_SERIAL = 256  # IAM model, serialNumberType
ISSUER = "daypass"  # what an authenticator app shows
QR_SCALE = 5  # pixels of a module


def _seed(ctx: Context, params: Parameters) -> tuple[Secret, bytes]:
    """A new seed and its QR code, which takes as long to draw as a thousand answers: on the outside threads."""
    seed, name = Secret(ctx.random(totp.SEED_BYTES)), params["virtual_mfa_device_name"]
    settings = ctx.store.account_settings.find(ctx.account)
    where = settings.alias if settings and settings.alias else ctx.account
    return ctx.elsewhere(lambda: (seed, _qr_code(totp.provisioning_uri(seed, ISSUER, f"{name}@{where}"))))


def _qr_code(text: str) -> bytes:
    import segno  # here: a picture is drawn once in the life of a device, and not at every start

    picture = io.BytesIO()
    segno.make_qr(text, error="m").save(picture, kind="png", scale=QR_SCALE)
    return picture.getvalue()


@operation("iam", asks=and_then(on_new_device("iam:CreateVirtualMFADevice", with_tags), _seed), writes=True)
def create_virtual_mfa_device(ctx: Context, *, virtual_mfa_device_name: str, path: str = "/", tags: Given = ()) -> Output:
    """Make a device and show its seed, as base32 and as a QR code, the only time it is shown."""
    check_name(virtual_mfa_device_name, path)
    if ctx.store.mfa_devices.named(ctx.account, virtual_mfa_device_name) is not None:
        raise Refusal("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.")
    quotas.within("MFADevicesPerAccount", quotas.MFA_DEVICES, len(ctx.store.mfa_devices.of(ctx.account)) + 1)
    seed, picture = _seed(ctx, {"virtual_mfa_device_name": virtual_mfa_device_name})
    device = MfaDevice(
        id=ids.unique_id(MFA_DEVICE, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=virtual_mfa_device_name,
        path=path,
        seed=seed,
        tags=read_tags(tags),
    )
    if len(device.arn) > MAX_SERIAL:
        raise Refusal("ValidationError", f"Path and name make a serial number of more than {MAX_SERIAL} characters.")
    ctx.changes.put(device)
    shown = {"SerialNumber": device.arn, "Base32StringSeed": totp.base32_of(seed).encode(), "QRCodePNG": picture}
    return {"VirtualMFADevice": shown | ({"Tags": show_tags(device.tags)} if device.tags else {})}


@operation("iam", asks=on_user("iam:EnableMFADevice"), writes=True)
def enable_mfa_device(
    ctx: Context, *, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Give a device to a user, proven by two codes that follow each other."""
    user, device = entities.get_user(ctx, user_name), entities.get_device(ctx, serial_number)
    if device.user_id:
        raise Refusal("EntityAlreadyExists", "MFA Device is already in use.")
    _verify_mfa_for_oneself(ctx, user)
    quotas.within("MFADevicesPerUser", quotas.MFA_DEVICES_PER_USER, len(ctx.store.devices_of(user.id)) + 1)
    synced = _synced(ctx, device, authentication_code1, authentication_code2)
    ctx.changes.put(replace(device, user_id=user.id, enabled=ctx.now, drift=synced.drift, last_step=synced.last_step))


@operation("iam", asks=on_user("iam:ResyncMFADevice"), writes=True)
def resync_mfa_device(
    ctx: Context, *, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Learn anew how far a device's clock is off."""
    device = _device_of(ctx, entities.get_user(ctx, user_name), serial_number)
    synced = _synced(ctx, device, authentication_code1, authentication_code2)
    ctx.changes.put(replace(device, drift=synced.drift, last_step=synced.last_step))


def _synced(ctx: Context, device: MfaDevice, first: str, second: str) -> totp.Synced:
    """What the two codes prove. Raises InvalidAuthenticationCode, Throttling when too many were wrong."""
    now = ctx.now.timestamp()
    if ctx.node.guesses.exhausted(device.id, now):
        raise too_many_guesses()
    try:
        return totp.verify_consecutive(device.seed, first, second, ctx.now, last_step=device.last_step)
    except totp.WrongCode:
        ctx.node.guesses.spend(device.id, now)
        raise Refusal("InvalidAuthenticationCode", "Authentication code for device is not valid.") from None


def _verify_mfa_for_oneself(ctx: Context, user: User) -> None:
    """Raise AccessDenied where users who have a device change their own devices without having used one."""
    session = ctx.caller.session
    if ctx.caller.principal_id == user.id and ctx.store.devices_of(user.id) and not (session and session.mfa_at):
        how = "who has a device changes their own only with credentials of a GetSessionToken that was given one of its codes"
        raise Refusal("AccessDenied", f"User: {ctx.caller.arn} is not authorized to change their own MFA devices without MFA: {how}", 403)


@operation("iam", asks=on_user("iam:DeactivateMFADevice"), writes=True)
def deactivate_mfa_device(ctx: Context, *, serial_number: str, user_name: str | None = None) -> None:
    """Take a device from a user; it can be enabled again."""
    user = entities.get_user_or_self(ctx, user_name)
    device = _device_of(ctx, user, serial_number)
    _verify_mfa_for_oneself(ctx, user)
    ctx.changes.put(replace(device, user_id="", enabled=None))  # `last_step` stays: a code is taken once, whoever has the device


def _device_of(ctx: Context, user: User, serial_number: str) -> MfaDevice:
    device = entities.find_device(ctx, serial_number)
    if device is None or device.user_id != user.id:
        raise entities.no_such(f"MFA device with serial number {serial_number} does not exist for the user {user.name}.")
    return device


@operation("iam", asks=on_device("iam:DeleteVirtualMFADevice"), writes=True)
def delete_virtual_mfa_device(ctx: Context, *, serial_number: str) -> None:
    """Delete a device that no user has."""
    device = entities.get_device(ctx, serial_number)
    if device.user_id:
        raise Refusal("DeleteConflict", "MFA VirtualDevice with this serial number is in use; it must be deactivated first.")
    ctx.changes.delete(device)


@operation("iam", asks=on_user("iam:GetMFADevice"))
def get_mfa_device(ctx: Context, *, serial_number: str, user_name: str | None = None) -> Output:
    """A device of a user."""
    user = entities.get_user_or_self(ctx, user_name)
    return _show(user, _device_of(ctx, user, serial_number))


def _show(user: User, device: MfaDevice) -> dict[str, Any]:
    return {"UserName": user.name, "SerialNumber": device.arn, "EnableDate": device.enabled}


@operation("iam", asks=on_user("iam:ListMFADevices"))
def list_mfa_devices(ctx: Context, *, user_name: str | None = None, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The devices of a user."""
    user = entities.get_user_or_self(ctx, user_name)
    devices = ctx.store.devices_of(user.id)
    show = lambda device: _show(user, device)  # noqa: E731  # a line of the call below, named
    return listing(ctx, "MFADevices", devices, show, key=_order, marker=marker, max_items=max_items, of=user.id)


def _order(device: MfaDevice) -> str:
    return device.id  # a name may be too long for a marker


@operation("iam", asks=on_anything("iam:ListVirtualMFADevices"))
def list_virtual_mfa_devices(ctx: Context, *, assignment_status: str = "Any", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The account's devices: all of them, those that users have, or those that no user has."""
    devices = [
        device
        for device in ctx.store.mfa_devices.of(ctx.account)
        if assignment_status == "Any" or bool(device.user_id) == (assignment_status == "Assigned")
    ]
    show = lambda device: _show_virtual(ctx, device)  # noqa: E731  # a line of the call below, named
    return listing(
        ctx, "VirtualMFADevices", devices, show, key=_order, marker=marker, max_items=max_items, of=assignment_status
    )


def _show_virtual(ctx: Context, device: MfaDevice) -> dict[str, Any]:
    user = ctx.store.users.find(device.user_id)
    held = {"User": show_user(user), "EnableDate": device.enabled} if user else {}
    return {"SerialNumber": device.arn} | held


@operation("iam", asks=on_device("iam:TagMFADevice", with_tags), writes=True)
def tag_mfa_device(ctx: Context, *, serial_number: str, tags: Given) -> None:
    """Put tags on a device."""
    put_tags(ctx, entities.get_device(ctx, serial_number), tags)


@operation("iam", asks=on_device("iam:UntagMFADevice", with_tag_keys), writes=True)
def untag_mfa_device(ctx: Context, *, serial_number: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a device."""
    take_tags(ctx, entities.get_device(ctx, serial_number), tag_keys)


@operation("iam", asks=on_device("iam:ListMFADeviceTags"))
def list_mfa_device_tags(ctx: Context, *, serial_number: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a device."""
    return list_tags(ctx, entities.get_device(ctx, serial_number), marker, max_items)

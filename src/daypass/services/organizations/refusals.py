"""Refusals of AWS Organizations that carry a reason, and the limits that are the reason. Decides nothing.

Source: AWS Organizations API Reference, the errors' `Reason`; AWS Organizations User Guide, "Quotas and service limits".
"""

from __future__ import annotations

from collections.abc import Mapping

from daypass.store.records import OrganizationPolicyType
from daypass.values.errors import Refusal

ACCOUNTS = 10_000  # in an organization: the most that AWS grants
UNITS = 2_000  # in an organization
TAGS = 50  # on one resource
INVITATIONS_PER_DAY = 20  # that were not accepted; AWS grants more to large organizations
INVITATION_SECONDS = 15 * 86_400  # "Expiration times for handshakes"
CLOSED_PER_30_DAYS = 250  # or a fifth of the accounts, if that is more, and never more than CLOSED_AT_MOST
CLOSED_AT_MOST = 1_000
DELEGATES_PER_SERVICE = 5  # ours: AWS's depends on the service
SERVICES = 200  # with trusted access: ours

SCPS = 10_000  # in an organization
SCP_SIZE = 10_240  # characters, white space included
SCPS_ATTACHED = 10  # to one target, FullAWSAccess included
RCPS = 2_000  # in an organization
RCP_SIZE = 5_120  # characters, white space included
RCPS_ATTACHED = 5  # to one target, RCPFullAWSAccess included

_Limits = Mapping[OrganizationPolicyType, int]
POLICIES: _Limits = {"SERVICE_CONTROL_POLICY": SCPS, "RESOURCE_CONTROL_POLICY": RCPS}
POLICY_SIZE: _Limits = {"SERVICE_CONTROL_POLICY": SCP_SIZE, "RESOURCE_CONTROL_POLICY": RCP_SIZE}
ATTACHED: _Limits = {"SERVICE_CONTROL_POLICY": SCPS_ATTACHED, "RESOURCE_CONTROL_POLICY": RCPS_ATTACHED}


def invalid(reason: str, message: str) -> Refusal:
    """InvalidInputException: the input itself is wrong."""
    return Refusal("InvalidInputException", message, members={"Reason": reason})


def violation(reason: str, message: str) -> Refusal:
    """ConstraintViolationException: a limit, or the organization's state, is against it."""
    return Refusal("ConstraintViolationException", message, members={"Reason": reason})


def handshake_violation(reason: str, message: str) -> Refusal:
    """HandshakeConstraintViolationException: the same for an invitation."""
    return Refusal("HandshakeConstraintViolationException", message, members={"Reason": reason})

"""The operations of Organizations' model that are not offered, each with its reason. The caller is told it, and so is the reference."""

from __future__ import annotations

from daypass.way.operation import not_offered

_GOVCLOUD = "there is one partition here, `aws`; make an ordinary account with CreateAccount"
_BILLS = "it hands over who pays AWS's bills, and nobody is billed here"

not_offered(
    "organizations",
    {
        "CreateGovCloudAccount": _GOVCLOUD,
        "DescribeResponsibilityTransfer": _BILLS,
        "InviteOrganizationToTransferResponsibility": _BILLS,
        "ListInboundResponsibilityTransfers": _BILLS,
        "ListOutboundResponsibilityTransfers": _BILLS,
        "TerminateResponsibilityTransfer": _BILLS,
        "UpdateResponsibilityTransfer": _BILLS,
    },
)

"""The AWS services that daypass offers, one room each: their business rules and nothing else. Importing this offers them all."""

from daypass.services import daypass, iam, organizations, sts

__all__ = ["daypass", "iam", "organizations", "sts"]

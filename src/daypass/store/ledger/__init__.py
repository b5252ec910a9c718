"""The ledger: one line per request, chained under a key, durable before the answer leaves."""

from daypass.store.ledger.chain import Head
from daypass.store.ledger.copying import Copier
from daypass.store.ledger.line import body_of
from daypass.store.ledger.reader import EVERYTHING, Line, Reader, Wanted, find_request, line_of, matches, minted_in, read_line
from daypass.store.ledger.shipping import Shipment, Shipper
from daypass.store.ledger.verify import Finding, Report, verify
from daypass.store.ledger.writer import Ledger, LedgerFailed

__all__ = [
    "EVERYTHING",
    "Copier",
    "Finding",
    "Head",
    "Ledger",
    "LedgerFailed",
    "Line",
    "Reader",
    "Report",
    "Shipment",
    "Shipper",
    "Wanted",
    "body_of",
    "find_request",
    "line_of",
    "matches",
    "minted_in",
    "read_line",
    "verify",
]

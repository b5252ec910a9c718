"""The first schema. Frozen: a later schema is a further file here, never a change to this one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PLAIN = (
    "accounts", "organizations", "organizational_units", "organization_policies", "handshakes", "users", "groups", "roles", "policies",
    "account_settings", "credential_reports", "access_reports", "instance_profiles", "oidc_providers", "used_tokens", "revocations",
    "saml_providers", "ssh_keys", "signing_certificates", "deleted_roles",
)  # fmt: skip


def upgrade() -> None:
    """Make every table."""
    for name in _PLAIN:
        _records(name)
    for name in ("login_profiles", "mfa_devices", "saml_keys", "seal_keys", "server_certificates", "service_credentials", "token_issuers"):
        _records(name, sa.Column("sealed", sa.LargeBinary, nullable=False))
    _records(
        "access_keys",
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.UniqueConstraint("user_id", "slot"),
    )
    _feed()
    _keys_and_settings()
    _passes()
    _books()
    _nodes()


def _records(name: str, *extra: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("unique_name", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *extra,
        sa.UniqueConstraint("account", "unique_name"),
    )


def _feed() -> None:
    op.create_table(
        "changes",
        sa.Column("seq", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox",
        sa.Column("seq", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False, unique=True),
        sa.Column("line", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )


def _keys_and_settings() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _passes() -> None:
    texts = ("account", "principal_id", "principal_arn", "kind", "name", "key_id")
    origin = ("origin_kind", "origin_issuer", "origin_subject", "origin_audience", "origin_token_id", "source_identity", "source_key")
    op.create_table(
        "passes",
        sa.Column("session_id", sa.LargeBinary, primary_key=True),
        sa.Column("parent", sa.LargeBinary),
        sa.Column("root", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in origin),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("ancestors", sa.LargeBinary, nullable=False),
    )
    op.create_index("passes_by_parent", "passes", ["parent"])
    op.create_index("passes_by_principal", "passes", ["principal_id"])
    op.create_index("passes_by_expiry", "passes", ["expires"])


def _books() -> None:
    op.create_table(
        "key_usage",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
    )
    op.create_table(
        "ledger_anchor",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("version", "schema", "url")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("position", "lines", "seen", "ahead")),
    )
    op.create_table(
        "ledger_lines",
        sa.Column("arrival", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("node", "line", "mac"),
        sqlite_autoincrement=True,
    )

"""The tables, as SQLAlchemy Core sees them: one for each kind of record, and those of the store's own books. Does not create or change
them (schema.py does).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from daypass.store.holdings import (
    DeletedRole,
    SamlKey,
    SamlProvider,
    ServerCertificate,
    ServiceCredential,
    SigningCertificate,
    SshKey,
    TokenIssuer,
)
from daypass.store.people import AccessReport, AccountSettings, CredentialReport, LoginProfile, MfaDevice
from daypass.store.records import (
    AccessKey,
    Account,
    Group,
    Handshake,
    InstanceProfile,
    ManagedPolicy,
    OidcProvider,
    Organization,
    OrganizationalUnit,
    OrganizationPolicy,
    Record,
    Revocation,
    Role,
    SealKey,
    UsedToken,
    User,
)

SCHEMA = "0003"  # the newest revision in migrations/versions
OLDEST = "0001"  # the schema of the oldest daypass that can work on a database of this one: raised by a migration that takes something away
ROTATING = "0002"  # the first schema whose daypass knows keys that rotate

metadata = MetaData()

_COUNTER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only in a column that is exactly INTEGER


def _records(name: str, *extra: SchemaItem, sealed: bool = False) -> Table:
    """A table of records: `unique_name` is the name in ASCII lower case, `body` the record as JSON without its secrets, `sealed` those."""
    return Table(
        name,
        metadata,
        Column("id", Text, primary_key=True),
        Column("account", Text, nullable=False),
        Column("unique_name", Text),
        Column("body", LargeBinary, nullable=False),
        *([Column("sealed", LargeBinary, nullable=False)] if sealed else []),
        *extra,
        UniqueConstraint("account", "unique_name"),
    )


TABLES: Mapping[type[Record], Table] = {
    Account: _records("accounts"),
    Organization: _records("organizations"),
    OrganizationalUnit: _records("organizational_units"),
    OrganizationPolicy: _records("organization_policies"),
    Handshake: _records("handshakes"),
    User: _records("users"),
    Group: _records("groups"),
    Role: _records("roles"),
    ManagedPolicy: _records("policies"),
    # INVARIANT: two slots for each user, so that a third key cannot exist, however many nodes create at once (attack row H69).
    AccessKey: _records(
        "access_keys",
        Column("user_id", Text, nullable=False),
        Column("slot", Integer, nullable=False),
        UniqueConstraint("user_id", "slot"),
        sealed=True,
    ),
    LoginProfile: _records("login_profiles", sealed=True),
    MfaDevice: _records("mfa_devices", sealed=True),
    AccountSettings: _records("account_settings"),
    CredentialReport: _records("credential_reports"),
    AccessReport: _records("access_reports"),
    InstanceProfile: _records("instance_profiles"),
    OidcProvider: _records("oidc_providers"),
    SamlProvider: _records("saml_providers"),
    SamlKey: _records("saml_keys", sealed=True),
    ServerCertificate: _records("server_certificates", sealed=True),
    SshKey: _records("ssh_keys"),
    SigningCertificate: _records("signing_certificates"),
    ServiceCredential: _records("service_credentials", sealed=True),
    DeletedRole: _records("deleted_roles"),
    TokenIssuer: _records("token_issuers", sealed=True),
    UsedToken: _records("used_tokens"),
    Revocation: _records("revocations"),
    SealKey: _records("seal_keys", sealed=True),
}
KINDS: Mapping[str, type[Record]] = {table.name: kind for kind, table in TABLES.items()}

# Every committed change of a record, in the order of commit.
changes = Table(
    "changes",
    metadata,
    Column("seq", _COUNTER, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, not even after the newest rows were removed
)

# Ledger lines of committed changes, until the ledger of the node that made them has them.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", _COUNTER, primary_key=True, autoincrement=True),
    Column("node", Text, nullable=False),
    Column("request_id", Text, nullable=False, unique=True),
    Column("line", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created", BigInteger),  # epoch seconds
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# What passes were made; no secret, no token. Ancestors are a msgpack array. Times are epoch seconds.
passes = Table(
    "passes",
    metadata,
    Column("session_id", LargeBinary, primary_key=True),
    Column("parent", LargeBinary),
    Column("root", LargeBinary, nullable=False),
    Column("account", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("principal_arn", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("origin_kind", Text, nullable=False),
    Column("origin_issuer", Text, nullable=False),
    Column("origin_subject", Text, nullable=False),
    Column("origin_audience", Text, nullable=False),
    Column("origin_token_id", Text, nullable=False),
    Column("source_identity", Text, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("ancestors", LargeBinary, nullable=False),
    Index("passes_by_parent", "parent"),
    Index("passes_by_principal", "principal_id"),
    Index("passes_by_expiry", "expires"),
    Index("passes_by_age", "issued", "session_id"),
)

key_usage = Table(
    "key_usage",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("service", Text, nullable=False),
    Column("region", Text, nullable=False),
)

ledger_anchor = Table(
    "ledger_anchor",
    metadata,
    Column("node", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
)

# The nodes that share the database, as they last said of themselves; `seen`, by the database's clock, is in milliseconds, and so is
# `ahead`, by which the node's own clock stands before it.
nodes = Table(
    "nodes",
    metadata,
    Column("node", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("ahead", BigInteger, nullable=False),
)

# Copies of all nodes' ledger lines, in the order of their arrival; filled where several nodes share the database.
ledger_lines = Table(
    "ledger_lines",
    metadata,
    Column("arrival", _COUNTER, primary_key=True, autoincrement=True),
    Column("node", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    UniqueConstraint("node", "line", "mac"),  # a ledger that lost lines gives their numbers to others: both are kept
    sqlite_autoincrement=True,
)

# Alembic's own table, as Alembic makes it: the one row is the revision that the database is at.
schema_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

Row = RowMapping  # a row by the names of its columns

"""Data keys know when they were made, so that they can be replaced by age. Only adds: an earlier daypass goes on with it."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of what is there it is known that it was made before now."""
    op.add_column("data_keys", sa.Column("created", sa.BigInteger))
    op.execute(sa.table("data_keys", sa.column("created")).update().values(created=int(time.time())))

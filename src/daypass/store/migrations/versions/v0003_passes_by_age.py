"""An index by which the newest passes are found without a look at all of them."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""
    op.create_index("passes_by_age", "passes", ["issued", "session_id"])

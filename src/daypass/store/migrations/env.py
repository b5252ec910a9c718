"""What Alembic runs to migrate: over the connection that store/schema.py opened, in its transaction. Knows no URL and no ini file."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()

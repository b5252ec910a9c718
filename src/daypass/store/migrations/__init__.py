"""How a database comes from one schema to the next, run by store/schema.py; Alembic reads this folder. Nothing imports it."""

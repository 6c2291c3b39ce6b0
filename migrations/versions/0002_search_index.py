"""The search index over segments: FTS5 on SQLite, tsvector on PostgreSQL; no model describes it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index and let it forget what is deleted."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE segment_search USING fts5(terms, tokenize='unicode61')")
        op.execute(
            "CREATE TRIGGER segment_search_forgets AFTER DELETE ON segment "
            "BEGIN DELETE FROM segment_search WHERE rowid = old.id; END"
        )
        return
    op.execute(
        "CREATE TABLE segment_search (rowid BIGINT PRIMARY KEY REFERENCES segment(id) ON DELETE CASCADE, "
        "terms tsvector NOT NULL)"
    )
    op.execute("CREATE INDEX ix_segment_search_terms ON segment_search USING gin (terms)")


def downgrade() -> None:
    """Drop the index."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER IF EXISTS segment_search_forgets")
    op.execute("DROP TABLE segment_search")

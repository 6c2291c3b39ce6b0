"""What is said for a line check, what people saved of it, and how often they checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from livequal.kernel.db import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "dictation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("incoming", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("unclear", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("problem_detail", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state = 'heard' OR words = ''", name=op.f("ck_dictation_words_when_heard")),
        sa.CheckConstraint("state <> 'refused' OR problem <> ''", name=op.f("ck_dictation_refused_for_a_reason")),
        sa.CheckConstraint("state IN ('waiting','heard','refused')", name=op.f("ck_dictation_state")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_dictation_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictation")),
    )
    op.create_index("ix_dictation_created_at", "dictation", ["created_at"])
    op.create_index("ix_dictation_user_id_state", "dictation", ["user_id", "state"])
    op.create_table(
        "line_use",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("product_category", sa.String(), nullable=False),
        sa.Column("since", UTCDateTime(timezone=True), nullable=False),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("voices", sa.Integer(), nullable=False),
        sa.CheckConstraint("texts >= 0 AND voices >= 0", name=op.f("ck_line_use_counts")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_line_use_user_id_user_account")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_line_use")),
    )
    op.create_table(
        "saved_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("product_category", sa.String(), nullable=False),
        sa.Column("saved_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("title <> '' AND body <> ''", name=op.f("ck_saved_line_written")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_saved_line_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_line")),
    )
    op.create_index("ix_saved_line_user_id_id", "saved_line", ["user_id", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("saved_line")
    op.drop_table("line_use")
    op.drop_table("dictation")

"""Rules that assign courses, what they assigned, reminders, and exercises made for one person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from livequal.kernel.db import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "assignment_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=True),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("product_categories", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("room_id", sa.Integer(), nullable=True),
        sa.Column("held", sa.String(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("before_live", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_by_name", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "occasion IN ('joining','date','renewal','violation')", name=op.f("ck_assignment_rule_occasion")
        ),
        sa.CheckConstraint("held IN ('','never','expiring','expired')", name=op.f("ck_assignment_rule_held")),
        sa.CheckConstraint("(occasion = 'date') = (on_date IS NOT NULL)", name=op.f("ck_assignment_rule_dated")),
        sa.CheckConstraint(
            "occasion IN ('renewal','violation') OR course_id IS NOT NULL", name=op.f("ck_assignment_rule_course")
        ),
        sa.CheckConstraint(
            "working_days >= 0 AND working_days <= 250", name=op.f("ck_assignment_rule_working_days")
        ),
        sa.CheckConstraint("title <> ''", name=op.f("ck_assignment_rule_titled")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_assignment_rule_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["live_room.id"], name=op.f("fk_assignment_rule_room_id_live_room")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_assignment_rule_course_id_course")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_assignment_rule_created_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_rule")),
        sa.UniqueConstraint("key", name=op.f("uq_assignment_rule_key")),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("assigned_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("done_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.String(), nullable=False),
        sa.Column("ended_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column("ended_by_name", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("ended IN ('','waived','withdrawn')", name=op.f("ck_assignment_ended")),
        sa.CheckConstraint("(ended = '') = (ended_at IS NULL)", name=op.f("ck_assignment_ended_at")),
        sa.CheckConstraint("ended <> 'waived' OR reason <> ''", name=op.f("ck_assignment_reasoned")),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["assignment_rule.id"], name=op.f("fk_assignment_rule_id_assignment_rule")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_assignment_user_id_user_account")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_assignment_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_assignment_course_id_course")),
        sa.ForeignKeyConstraint(["ended_by"], ["user_account.id"], name=op.f("fk_assignment_ended_by_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("rule_id", "user_id", "cause", name=op.f("uq_assignment_rule_id_user_id_cause")),
    )
    op.create_index("ix_assignment_user_id_course_id", "assignment", ["user_id", "course_id", "done_at"])
    op.create_index(
        "ix_assignment_team",
        "assignment",
        ["organisation_id", "listed", "ended", "done_at", "provisional", "due_on", "course_id"],
    )
    op.create_index("ix_assignment_due_on", "assignment", ["due_on"])
    op.create_table(
        "reminder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("sent_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_reminder_assignment_id_assignment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint("assignment_id", "due_on", "days", name=op.f("uq_reminder_assignment_id_due_on_days")),
    )
    op.create_table(
        "personal_course",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_personal_course_course_id_course")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_personal_course_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("course_id", name=op.f("pk_personal_course")),
    )
    op.create_index("ix_personal_course_user_id", "personal_course", ["user_id"])


def downgrade() -> None:
    """Change it back."""
    for table in ("personal_course", "reminder", "assignment", "assignment_rule"):
        op.drop_table(table)

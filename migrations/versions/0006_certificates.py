"""certificates"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

KEPT = ("certificate", "certificate_event")


def protections(dialect: str) -> list[str]:
    """What makes the database itself refuse to change or delete rows of these tables."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for table in KEPT
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE OR REPLACE FUNCTION livequal_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION livequal_append_only()"
            for table in KEPT
        ),
    ]


def upgrade() -> None:
    """Change the schema."""
    op.create_table('certificate',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('serial', sa.String(), nullable=False),
    sa.Column('attempt_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('course_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('course_title', sa.String(), nullable=False),
    sa.Column('course_version', sa.String(), nullable=False),
    sa.Column('passed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('valid_until', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("length(serial) = 17", name=op.f('ck_certificate_serial')),
    sa.CheckConstraint("valid_until > passed_at", name=op.f('ck_certificate_order')),
    sa.CheckConstraint("name <> '' AND course_title <> '' AND course_version <> ''", name=op.f('ck_certificate_kept')),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempt.id'], name=op.f('fk_certificate_attempt_id_attempt')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_certificate_user_id_user_account')),
    sa.ForeignKeyConstraint(['course_id'], ['course.id'], name=op.f('fk_certificate_course_id_course')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate')),
    sa.UniqueConstraint('serial', name=op.f('uq_certificate_serial')),
    sa.UniqueConstraint('attempt_id', name=op.f('uq_certificate_attempt_id'))
    )
    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.create_index('ix_certificate_user_id_course_id', ['user_id', 'course_id'], unique=False)

    op.create_table('certificate_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('certificate_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('by_name', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(number = 1) = (kind = 'issued') AND number > 0", name=op.f('ck_certificate_event_first')),
    sa.CheckConstraint("kind IN ('issued','suspended','reinstated','superseded','revoked')", name=op.f('ck_certificate_event_kind')),
    sa.CheckConstraint("kind IN ('issued','superseded') OR reason <> ''", name=op.f('ck_certificate_event_reasoned')),
    sa.ForeignKeyConstraint(['by_id'], ['user_account.id'], name=op.f('fk_certificate_event_by_id_user_account')),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificate.id'], name=op.f('fk_certificate_event_certificate_id_certificate')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_event')),
    sa.UniqueConstraint('certificate_id', 'number', name=op.f('uq_certificate_event_certificate_id_number'))
    )
    for statement in protections(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """Change it back."""
    op.drop_table('certificate_event')
    op.drop_table('certificate')
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION livequal_append_only()")

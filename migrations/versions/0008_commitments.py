"""commitments"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

KEPT = ("commitment_text", "commitment_signature")


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
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION livequal_append_only()"
        for table in KEPT
    ]


def upgrade() -> None:
    """Change the schema."""
    op.create_table('commitment_text',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('major', sa.Integer(), nullable=False),
    sa.Column('minor', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('published_by', sa.Integer(), nullable=True),
    sa.Column('published_by_name', sa.String(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("slug IN ('streamer','operator','agency','moderator')", name=op.f('ck_commitment_text_slug')),
    sa.CheckConstraint("major > 0 AND minor >= 0", name=op.f('ck_commitment_text_version')),
    sa.CheckConstraint("title <> '' AND body <> '' AND length(sha256) = 64", name=op.f('ck_commitment_text_whole')),
    sa.ForeignKeyConstraint(['published_by'], ['user_account.id'], name=op.f('fk_commitment_text_published_by_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_commitment_text')),
    sa.UniqueConstraint('slug', 'major', 'minor', name=op.f('uq_commitment_text_slug_major_minor'))
    )
    op.create_table('commitment_signature',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("name <> '' AND length(sha256) = 64", name=op.f('ck_commitment_signature_whole')),
    sa.ForeignKeyConstraint(['text_id'], ['commitment_text.id'], name=op.f('fk_commitment_signature_text_id_commitment_text')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_commitment_signature_user_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_commitment_signature')),
    sa.UniqueConstraint('user_id', 'text_id', name=op.f('uq_commitment_signature_user_id_text_id'))
    )
    with op.batch_alter_table('commitment_signature', schema=None) as batch_op:
        batch_op.create_index('ix_commitment_signature_text_id', ['text_id'], unique=False)
    for statement in protections(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """Change it back."""
    op.drop_table('commitment_signature')
    op.drop_table('commitment_text')

"""Versions of the platform's own rules; what scans read, shadow hits and backtests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table('used_reader',
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_used_reader'))
    )
    op.create_table('pack_version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('overlay', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('changes', sa.Integer(), nullable=False),
    sa.Column('origin_id', sa.Integer(), nullable=True),
    sa.Column('author_id', sa.Integer(), nullable=False),
    sa.Column('author_name', sa.String(), nullable=False),
    sa.Column('approver_id', sa.Integer(), nullable=True),
    sa.Column('approver_name', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('drafted','shadowed','submitted','approved','active','retired')", name=op.f('ck_pack_version_state')),
    sa.CheckConstraint("state NOT IN ('approved','active') OR approver_id IS NOT NULL", name=op.f('ck_pack_version_approved_by_somebody')),
    sa.CheckConstraint('approver_id <> author_id', name=op.f('ck_pack_version_second_person')),
    sa.ForeignKeyConstraint(['approver_id'], ['user_account.id'], name=op.f('fk_pack_version_approver_id_user_account')),
    sa.ForeignKeyConstraint(['author_id'], ['user_account.id'], name=op.f('fk_pack_version_author_id_user_account')),
    sa.ForeignKeyConstraint(['origin_id'], ['pack_version.id'], name=op.f('fk_pack_version_origin_id_pack_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pack_version')),
    sa.UniqueConstraint('number', name=op.f('uq_pack_version_number'))
    )
    with op.batch_alter_table('pack_version', schema=None) as batch_op:
        batch_op.create_index('ix_pack_version_one_active', ['state'], unique=True, sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))
        batch_op.create_index('ix_pack_version_one_shadowed', ['state'], unique=True, sqlite_where=sa.text("state = 'shadowed'"), postgresql_where=sa.text("state = 'shadowed'"))

    op.create_table('backtest',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('against_sha256', sa.String(), nullable=False),
    sa.Column('room_id', sa.Integer(), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('asked_by', sa.Integer(), nullable=False),
    sa.Column('asked_by_name', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('segments', sa.Integer(), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('removed', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_backtest_asked_by_user_account')),
    sa.ForeignKeyConstraint(['room_id'], ['live_room.id'], name=op.f('fk_backtest_room_id_live_room')),
    sa.ForeignKeyConstraint(['version_id'], ['pack_version.id'], name=op.f('fk_backtest_version_id_pack_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backtest'))
    )
    with op.batch_alter_table('backtest', schema=None) as batch_op:
        batch_op.create_index('ix_backtest_version_id_id', ['version_id', 'id'], unique=False)

    op.create_table('read_text',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('transcript_id', sa.Integer(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['transcript_id'], ['transcript.id'], name=op.f('fk_read_text_transcript_id_transcript')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_read_text'))
    )
    op.create_table('backtest_flag',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('backtest_id', sa.Integer(), nullable=False),
    sa.Column('change', sa.String(), nullable=False),
    sa.Column('recording_id', sa.Integer(), nullable=False),
    sa.Column('transcript_id', sa.Integer(), nullable=False),
    sa.Column('segment_id', sa.Integer(), nullable=False),
    sa.Column('start', sa.Integer(), nullable=False),
    sa.Column('end', sa.Integer(), nullable=False),
    sa.Column('start_ms', sa.Integer(), nullable=False),
    sa.Column('quote', sa.Text(), nullable=False),
    sa.Column('rule', sa.String(), nullable=False),
    sa.Column('rule_title', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('product_category', sa.String(), nullable=False),
    sa.Column('severity', sa.Integer(), nullable=False),
    sa.CheckConstraint("change IN ('added','removed')", name=op.f('ck_backtest_flag_change')),
    sa.ForeignKeyConstraint(['backtest_id'], ['backtest.id'], name=op.f('fk_backtest_flag_backtest_id_backtest')),
    sa.ForeignKeyConstraint(['recording_id'], ['recording.id'], name=op.f('fk_backtest_flag_recording_id_recording')),
    sa.ForeignKeyConstraint(['segment_id'], ['segment.id'], name=op.f('fk_backtest_flag_segment_id_segment')),
    sa.ForeignKeyConstraint(['transcript_id'], ['transcript.id'], name=op.f('fk_backtest_flag_transcript_id_transcript')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backtest_flag'))
    )
    with op.batch_alter_table('backtest_flag', schema=None) as batch_op:
        batch_op.create_index('ix_backtest_flag_backtest_id_id', ['backtest_id', 'id'], unique=False)

    op.create_table('shadow_hit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('transcript_id', sa.Integer(), nullable=False),
    sa.Column('segment_id', sa.Integer(), nullable=False),
    sa.Column('end_segment_id', sa.Integer(), nullable=False),
    sa.Column('start', sa.Integer(), nullable=False),
    sa.Column('end', sa.Integer(), nullable=False),
    sa.Column('start_ms', sa.Integer(), nullable=False),
    sa.Column('quote', sa.Text(), nullable=False),
    sa.Column('rule', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('product_category', sa.String(), nullable=False),
    sa.Column('severity', sa.Integer(), nullable=False),
    sa.Column('also_active', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['end_segment_id'], ['segment.id'], name=op.f('fk_shadow_hit_end_segment_id_segment')),
    sa.ForeignKeyConstraint(['segment_id'], ['segment.id'], name=op.f('fk_shadow_hit_segment_id_segment')),
    sa.ForeignKeyConstraint(['transcript_id'], ['transcript.id'], name=op.f('fk_shadow_hit_transcript_id_transcript')),
    sa.ForeignKeyConstraint(['version_id'], ['pack_version.id'], name=op.f('fk_shadow_hit_version_id_pack_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shadow_hit'))
    )
    with op.batch_alter_table('shadow_hit', schema=None) as batch_op:
        batch_op.create_index('ix_shadow_hit_transcript_id', ['transcript_id'], unique=False)
        batch_op.create_index('ix_shadow_hit_version_id_id', ['version_id', 'id'], unique=False)

    with op.batch_alter_table('flag', schema=None) as batch_op:
        batch_op.add_column(sa.Column('read_text_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('raised_start', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('raised_end', sa.Integer(), nullable=True))
        batch_op.create_index('ix_flag_rule', ['rule'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_flag_read_text_id_read_text'), 'read_text', ['read_text_id'], ['id'])

    with op.batch_alter_table('used_pack', schema=None) as batch_op:
        batch_op.add_column(sa.Column('reader', sa.String(), nullable=False, server_default=''))


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table('used_pack', schema=None) as batch_op:
        batch_op.drop_column('reader')

    with op.batch_alter_table('flag', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_flag_read_text_id_read_text'), type_='foreignkey')
        batch_op.drop_index('ix_flag_rule')
        batch_op.drop_column('raised_end')
        batch_op.drop_column('raised_start')
        batch_op.drop_column('read_text_id')

    with op.batch_alter_table('shadow_hit', schema=None) as batch_op:
        batch_op.drop_index('ix_shadow_hit_version_id_id')
        batch_op.drop_index('ix_shadow_hit_transcript_id')

    op.drop_table('shadow_hit')
    with op.batch_alter_table('backtest_flag', schema=None) as batch_op:
        batch_op.drop_index('ix_backtest_flag_backtest_id_id')

    op.drop_table('backtest_flag')
    op.drop_table('read_text')
    with op.batch_alter_table('backtest', schema=None) as batch_op:
        batch_op.drop_index('ix_backtest_version_id_id')

    op.drop_table('backtest')
    with op.batch_alter_table('pack_version', schema=None) as batch_op:
        batch_op.drop_index('ix_pack_version_one_shadowed', sqlite_where=sa.text("state = 'shadowed'"), postgresql_where=sa.text("state = 'shadowed'"))
        batch_op.drop_index('ix_pack_version_one_active', sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.drop_table('pack_version')
    op.drop_table('used_reader')

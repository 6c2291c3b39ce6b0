"""Cutting the sound of a finding."""

from __future__ import annotations

import pytest

from livequal.accounts.rules import Role
from livequal.flow import JOBS
from livequal.jobs import service as jobs
from livequal.jobs.run import Run
from livequal.kernel import installation
from livequal.kernel.db import db, edge
from livequal.kernel.errors import DomainError
from livequal.review.models import Case, Clip
from livequal.streams.media import MediaFailed

from ..factories import make_platform, make_user
from ..recordings import make_recording, transcribed

pytestmark = pytest.mark.usefixtures("app")


def test_a_clip_that_can_not_be_cut_leaves_no_file_lying() -> None:
    recording = transcribed(
        make_recording(make_user(make_platform(), Role.MODERATOR)), "这款酵素能治疗糖尿病，保证三天见效"
    )
    case = db.session.query(Case).filter_by(recording_id=recording.id).first()
    assert case is not None
    before = set(installation.storage().incoming.iterdir())
    with edge():
        jobs.enqueue("cut_clip", {"case_id": case.id})
    with edge():
        job = jobs.claim("tests")
        assert job is not None
    # The rendition of these tests is a few bytes that are no sound.
    with pytest.raises((DomainError, MediaFailed)):
        JOBS["cut_clip"](Run(job))
    assert set(installation.storage().incoming.iterdir()) == before
    assert db.session.query(Clip).count() == 0

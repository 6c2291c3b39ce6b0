"""What follows for learning: who has to learn what."""

from __future__ import annotations

from ..kernel.db import db
from ..onboarding.events import StreamerChanged, StreamerLeft
from ..onboarding.models import Streamer
from ..training import assigning


def streamer_moved(event: StreamerChanged | StreamerLeft) -> None:
    """What a streamer sells, or whether she still works, decides what she has to learn."""
    user_id = db.session.get_one(Streamer, event.streamer_id).user_id
    if user_id is not None:
        assigning.joined(user_id)

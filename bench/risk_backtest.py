"""How long a backtest over 100,000 stored segments takes in the worker, twice, and whether both lists are the same.

    .venv/bin/python bench/risk_backtest.py [--segments 100000] [--recordings 100]

Fills a database of its own with transcripts made of the evaluation sets' utterances, reads them for a version that
changes a shipped rule, switches one off and adds one whose words are found by sound too. Exits with 1 above 60 seconds,
when the two lists differ, or when any flag changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
LIMIT_S = 60


def main() -> int:
    """Fill, measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--segments", type=int, default=100_000)
    options.add_argument("--recordings", type=int, default=100)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as var:
        return _measure(asked.segments, asked.recordings, {"LIVEQUAL_VAR": var} | _database())


def _database() -> dict[str, str]:
    url = os.environ.get("LIVEQUAL_TEST_DATABASE_URL")
    return {"LIVEQUAL_DATABASE_URL": url} if url else {}


def _measure(segments: int, recordings: int, environ: dict[str, str]) -> int:
    from livequal import config
    from livequal.app import create_app
    from livequal.kernel.db import Base, db, edge
    from livequal.risk import backtest, versions
    from livequal.risk.models import Backtest, FlagRow

    app = create_app(config.from_environment(environ))
    with app.app_context():
        Base.metadata.drop_all(db.engine)
        Base.metadata.create_all(db.engine)
        author = _fill(segments, recordings)
        results = []
        for _ in range(2):
            with edge():
                version = _version(author)
                backtest_id = backtest.ask(version, backtest.Scope(), by=author).id
            seconds = _work()
            with edge(write=False):
                row = db.session.get_one(Backtest, backtest_id)
                results.append((seconds, row.segments, row.added, row.removed, row.digest))
                flags = db.session.query(FlagRow).count()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert versions.active() is None
    print(f"{'run':>3} {'segments':>9} {'seconds':>8} {'per second':>10} {'added':>7} {'gone':>6}  list")
    for number, (seconds, read, added, removed, digest) in enumerate(results, 1):
        print(f"{number:3} {read:9} {seconds:8.1f} {read / seconds:10.0f} {added:7} {removed:6}  {digest[:12]}")
    print(f"flags in the database {flags}, peak memory {peak:.0f} MB, limit {LIMIT_S} s")
    same = results[0][2:] == results[1][2:]
    return int(not same or flags != 0 or any(result[0] > LIMIT_S for result in results))


def _fill(segments: int, recordings: int):  # type: ignore[no-untyped-def]
    from livequal.accounts import service as accounts
    from livequal.accounts.rules import SYSTEM, OrganisationKind, Role
    from livequal.kernel.clock import now
    from livequal.kernel.db import db, edge
    from livequal.streams.models import Recording, SegmentRow, Transcript

    chance = random.Random(7)
    files = sorted((ROOT / "tests/risk/sets").glob("*.jsonl"))
    texts = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    with edge():
        house = accounts.create_organisation(OrganisationKind.PLATFORM, "晴川直播平台", by=SYSTEM)
        user = accounts.add_account(
            house, frozenset({Role.RULE_OWNER}), login="rules", name="唐守拙", password="chrysanthemum-42-lanterns"
        )
        author = user.actor
    for number in range(recordings):
        with edge():
            recording = Recording(
                title=f"录像{number}",
                file_name="a.mp4",
                uploaded_by=author.user_id,
                size=1,
                state="ready",
                m4a_key="x",
                created_at=now(),
            )
            db.session.add(recording)
            db.session.flush()
            transcript = Transcript(
                recording_id=recording.id, state="complete", engine="x", model="x", version="1", created_at=now()
            )
            db.session.add(transcript)
            db.session.flush()
            rows = []
            for place in range(segments * number // recordings, segments * (number + 1) // recordings):
                words = chance.choice(texts)
                told = [[i * 200, i * 200 + 200, char, 90] for i, char in enumerate(words)]
                start = 4000 * (place - segments * number // recordings)
                rows.append(
                    {
                        "transcript_id": transcript.id,
                        "position": place,
                        "start_ms": start,
                        "end_ms": start + 4000,
                        "text": words,
                        "words": json.dumps(told, ensure_ascii=False),
                    }
                )
            db.session.execute(SegmentRow.__table__.insert(), rows)
    return author


def _version(author):  # type: ignore[no-untyped-def]
    from livequal.risk import force, overlay, versions

    version = versions.draft(by=author)
    shipped = {rule.slug: rule for rule in force.shipped().pack.rules if not rule.absence and rule.patterns}
    names = sorted(shipped)
    for slug in names[:1]:
        entry = overlay.entry_of(shipped[slug], force.shipped_rules()[slug])
        entry = replace(entry, patterns=entry.patterns[:-1] or entry.patterns, hits=("全网最低",), misses=("好看",))
        versions.save_rule(version, replace(entry, literals=("独此一家",)), version.changes, was=slug, by=author)
    own = overlay.RuleEntry(
        slug="by-sound",
        title="听音",
        category="fake_scarcity",
        products=("general", "food"),
        literals=("最后一批", "手慢无"),
        always="O37 14(3)",
        hits=("手慢无",),
        misses=("好看",),
    )
    versions.save_rule(version, own, version.changes, by=author)
    for slug in names[3:4]:
        versions.switch(version, slug, version.changes, on=False, by=author)
    return version


def _work() -> float:
    """Do the queued job as the worker does."""
    from livequal.flow import JOBS
    from livequal.jobs import service as jobs
    from livequal.jobs.run import Run
    from livequal.kernel.db import edge

    with edge():
        job = jobs.claim("bench")
        assert job is not None
        run = Run(job)
    begun, busy = time.perf_counter(), time.process_time()
    JOBS[run.name](run)
    seconds = time.perf_counter() - begun
    print(f"processor {time.process_time() - busy:.1f} s")
    with edge():
        jobs.finish(run.job_id, run.token)
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())

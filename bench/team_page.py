"""How long a team's page takes over 50,000 learners with four courses each: `PYTHONPATH=. python bench/team_page.py`.

Works on a database of its own in a temporary folder (or on LIVEQUAL_DATABASE_URL, which must be empty).
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from statistics import median
from time import perf_counter

LEARNERS, COURSES, TIMES = 50_000, 4, 9


def main() -> None:
    """Fill, measure, print."""
    with tempfile.TemporaryDirectory() as var:
        os.environ |= {"LIVEQUAL_VAR": var, "LIVEQUAL_DEMO": "0"}
        from livequal import config
        from livequal.accounts.models import Organisation, User
        from livequal.accounts.rules import Actor, OrganisationKind, Role
        from livequal.app import create_app
        from livequal.kernel.clock import now
        from livequal.kernel.db import Base, db, edge
        from livequal.kernel.pages import paginate
        from livequal.training import assigning, team
        from livequal.training.assignment_models import Assignment, AssignmentRule
        from livequal.training.duties import Sought, Status
        from livequal.training.models import Course, CourseVersion

        app = create_app(config.from_environment())
        with app.app_context():
            Base.metadata.create_all(db.engine)
            at, today = now(), assigning.today()
            with edge():
                house = Organisation(kind="mcn", name="禾木文化", created_at=at)
                db.session.add(house)
                db.session.flush()
                courses = [Course(slug=f"c{n}", roles=",streamer,", current=1, created_at=at) for n in range(COURSES)]
                db.session.add_all(courses)
                db.session.flush()
                facts = {"version": "1", "facts": "{}", "sha256": "x", "created_at": at}
                db.session.add_all(CourseVersion(course_id=c.id, number=1, title=c.slug, **facts) for c in courses)
                rule = AssignmentRule(
                    title="x",
                    occasion="joining",
                    course_id=courses[0].id,
                    working_days=5,
                    created_by_name="x",
                    created_at=at,
                )
                db.session.add(rule)
                db.session.flush()
                people = [
                    {
                        "id": n,
                        "organisation_id": house.id,
                        "login": f"p{n}",
                        "name": f"学员{n}",
                        "password_hash": "x",
                        "created_at": at,
                    }
                    for n in range(1, LEARNERS + 1)
                ]
                db.session.execute(db.insert(User), people)
                given = [
                    {
                        "rule_id": rule.id,
                        "user_id": n,
                        "organisation_id": house.id,
                        "course_id": course.id,
                        "cause": course.slug,
                        "assigned_at": at,
                        "due_on": today + timedelta(days=(n + k) % 40 - 10),
                        "done_at": at - timedelta(days=(n * 7 + k) % 365) if (n + k) % 3 else None,
                    }
                    for n in range(1, LEARNERS + 1)
                    for k, course in enumerate(courses)
                ]
                db.session.execute(db.insert(Assignment), given)
                house_id = house.id
            boss = Actor(1, "x", house_id, OrganisationKind.MCN, frozenset({Role.MCN_MANAGER}))
            print(f"{db.engine.dialect.name}: {LEARNERS} learners, {LEARNERS * COURSES} lines")
            for status in Status:
                took = []
                for _ in range(TIMES):
                    begun = perf_counter()
                    with edge(write=False):
                        counts = team.counts(boss, Sought())
                        page = paginate(team.listed(boss, Sought(), status))
                        team.lines(page.rows)
                    took.append((perf_counter() - begun) * 1000)
                assert page.total == counts[status]
                figures = f"median {median(took):5.0f} ms, max {max(took):5.0f} ms"
                print(f"{status.value:12} {counts[status]:7} lines, {figures}")


if __name__ == "__main__":
    main()

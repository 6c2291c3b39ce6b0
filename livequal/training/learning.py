"""Pages for learning: what is mine to learn, a course, a lesson, a manual."""

from __future__ import annotations

from flask import flash, jsonify, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response

from ..accounts.access import actor, allow
from ..accounts.rules import Permission, Role
from ..kernel import forms, installation
from ..kernel.errors import NotFound
from ..kernel.i18n import gettext as _
from ..onboarding import service as onboarding
from . import service, shown, standing, team
from .blueprint import pages
from .content import ENTRY
from .content.marked import IMAGE_TYPES
from .forms import PlaceForm
from .service import CourseFacts


@pages.get("/learn")
@allow(Permission.LEARN)
def home() -> str:
    """What is mine to learn: what now, how long it takes, what is done."""
    rows = rows_of_mine()
    entry = next((row for row in rows if row.course.slug == ENTRY), None)
    return render_template(
        "training/home.html",
        rows=rows,
        entry=entry,
        manuals=service.manuals(actor()),
        shown=shown,
        asked_of_me=asked_of_me(),
    )


def asked_of_me() -> list[team.Asked]:
    """What the person still has to do, the nearest first."""
    return team.asked_of(actor().user_id or 0)


def rows_of_mine() -> list[shown.Row]:
    """The person's courses, the entry course and what opens her product categories first."""
    by = actor()
    facts = list(service.facts_of(service.all_of(service.mine(by))).values())
    sells = _sells(by.user_id) if Role.STREAMER in by.roles else frozenset()
    read = service.read_at(by.user_id or 0, facts)
    stands = standing.standings(by.user_id or 0, facts)
    rows = [
        shown.row_of(
            one,
            stands[one.course_id],
            read[one.course_id],
            required=one.slug == ENTRY or not one.product_categories or bool(sells & set(one.product_categories)),
        )
        for one in facts
    ]
    return sorted(rows, key=lambda row: (row.course.slug != ENTRY, not row.required, row.course.slug))


def _sells(user_id: int | None) -> frozenset[str]:
    streamer = onboarding.streamer_of(user_id) if user_id else None
    return streamer.categories if streamer else frozenset()


@pages.get("/learn/courses/<slug>")
@allow(Permission.LEARN)
def course(slug: str) -> str:
    """A course: its lessons, how far one has come, its exam."""
    told, by = _facts(slug), actor()
    stand = standing.standing(by.user_id or 0, told)
    return render_template(
        "training/course.html",
        course=told,
        standing=stand,
        read=service.read_at(by.user_id or 0, [told])[told.course_id],
        place=service.enrolment(by.user_id or 0, told.course_id),
        may_sit=bool({role.value for role in by.roles} & set(told.roles)),
        shown=shown,
    )


@pages.get("/learn/courses/<slug>/lessons/<lesson>")
@allow(Permission.LEARN)
def lesson(slug: str, lesson: str) -> str:
    """Read a lesson, from where one was on whatever device."""
    told, by = _facts(slug), actor()
    file = f"{lesson}.md"
    text = service.lesson(told, file)
    place = service.enrolment(by.user_id or 0, told.course_id)
    number = [one.file for one in told.lessons].index(file)
    return render_template(
        "training/lesson.html",
        course=told,
        lesson=told.lessons[number],
        number=number + 1,
        before=told.lessons[number - 1] if number else None,
        html=shown.lesson_html(told, text.markdown),
        place=place.place if place and place.file == file else 0,
        read=service.read_at(by.user_id or 0, [told])[told.course_id][file],
    )


@pages.post("/learn/courses/<slug>/lessons/<lesson>/place")
@allow(Permission.LEARN)
def keep_place(slug: str, lesson: str) -> Response:
    """Keep where somebody reads."""
    told = _facts(slug)
    form = forms.from_json(PlaceForm)
    service.keep_place(told, f"{lesson}.md", form.place.data or 0, by=actor())
    return jsonify(kept=True)


@pages.post("/learn/courses/<slug>/lessons/<lesson>/finish")
@allow(Permission.LEARN)
def finish(slug: str, lesson: str) -> Response:
    """A lesson was read to its end; go on to the next one."""
    told, file = _facts(slug), f"{lesson}.md"
    service.finish_lesson(told, file, by=actor())
    names = [one.file for one in told.lessons]
    following = names[names.index(file) + 1 :]
    if following:
        return redirect(url_for(".lesson", slug=slug, lesson=following[0].removesuffix(".md")), 303)
    flash(_("All lessons are read. The exam is next."), "success")
    return redirect(url_for(".course", slug=slug), 303)


@pages.get("/learn/courses/<slug>/img/<name>")
@allow(Permission.LEARN)
def image(slug: str, name: str) -> Response:
    """A picture of a lesson."""
    told = _facts(slug)
    key = service.image_key(told, f"img/{name}")
    path = installation.storage().path(key)
    return send_file(path, mimetype=IMAGE_TYPES[path.suffix], conditional=True)


@pages.get("/learn/manuals/<slug>")
@allow(Permission.LEARN)
def manual(slug: str) -> str:
    """An operation manual."""
    row = next((one for one in service.manuals(actor()) if one.slug == slug), None)
    if row is None:
        raise NotFound(_("There is no such manual, or it is for other roles."))
    return render_template("training/manual.html", manual=row, html=shown.manual_html(row.markdown))


def _facts(slug: str) -> CourseFacts:
    return service.facts(service.get(slug, actor()))

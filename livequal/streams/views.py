"""Recordings over HTTP: uploading, watching them being read, the transcript page, search, exports."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import db as kernel_db
from ..kernel import forms, installation, web
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..onboarding import live_sessions
from ..taxonomy.rules import ProductCategory
from . import search, service, shown, subtitles, uploads
from .engines.sidecar import windows_of
from .forms import ChooseSession, Correction, ImportFile, Mark, NewUpload, PlainUpload
from .rules import RecordingState
from .timeline import parse_timeline

pages = Blueprint("streams", __name__)
IMPORT_MAX_BYTES = 10 * 1024 * 1024
SILENT_S = 60


@pages.get("/recordings")
@allow(Permission.READ_RECORDINGS)
def recordings() -> str:
    """The list of recordings."""
    words, state = request.args.get("q", "").strip(), request.args.get("state", "")
    page = paginate(service.listed(actor(), words=words, state=state), web.page_number())
    return render_template(
        "streams/recordings/list.html",
        page=page,
        progress=shown.progress_of(page.rows),
        sessions=live_sessions.by_id([row.live_session_id for row in page.rows if row.live_session_id]),
        states=list(RecordingState),
    )


@pages.get("/recordings/new")
@allow(Permission.UPLOAD_RECORDINGS)
def new_recording() -> str:
    """The page to upload from."""
    return _upload_page(PlainUpload())


@pages.post("/recordings/plain")
@allow(Permission.UPLOAD_RECORDINGS)
def plain_upload() -> BaseResponse | tuple[str, int]:
    """A small file in one piece, without scripts."""
    form = PlainUpload()
    form.live_session.choices = _session_choices()
    if not form.validate_on_submit():
        return _upload_page(form), 422
    sent = form.file.data
    size = sent.stream.seek(0, 2)
    sent.stream.seek(0)
    try:
        upload = uploads.start(
            sent.filename or "",
            size,
            title=form.title.data or "",
            live_session_id=form.live_session.data or None,
            by=actor(),
        )
        uploads.write_piece(upload.incoming, 0, size, sent.stream)
        recording = uploads.finish(upload.id, by=actor())
    except uploads.NoRecording as error:
        uploads.abandon(upload)
        form.reject(error)
        return _upload_page(form), 422
    except Invalid as error:
        form.reject(error)
        return _upload_page(form), 422
    return redirect(url_for(".show", recording_id=recording.id))


@pages.post("/uploads")
@allow(Permission.UPLOAD_RECORDINGS)
def start_upload() -> tuple[Response, int]:
    """Begin a chunked upload."""
    form = forms.from_json(NewUpload)
    upload = uploads.start(
        form.name.data or "",
        form.size.data or 0,
        title=form.title.data or "",
        live_session_id=form.live_session.data,
        by=actor(),
    )
    chunk = installation.settings().upload_chunk_bytes
    return jsonify(id=upload.id, chunk_size=chunk, received=0, title=upload.title), 201


@pages.get("/uploads/<int:upload_id>")
@allow(Permission.UPLOAD_RECORDINGS)
def upload_state(upload_id: int) -> Response:
    """How much of an upload has arrived."""
    upload = uploads.get(upload_id, actor())
    url = url_for(".show", recording_id=upload.recording_id) if upload.recording_id else ""
    return jsonify(
        received=uploads.on_disk(upload), size=upload.size, name=upload.file_name, state=upload.state, recording_url=url
    )


@pages.patch("/uploads/<int:upload_id>")
@allow(Permission.UPLOAD_RECORDINGS)
def receive_piece(upload_id: int) -> Response:
    """One piece, straight to the disk; the network may be slow, so no transaction is open meanwhile."""
    by = actor()
    upload = uploads.get(upload_id, by)
    incoming, size = upload.incoming, upload.size
    offset = request.headers.get("Upload-Offset", "")
    if not offset.isdecimal():
        raise Invalid({"offset": _("The header Upload-Offset must say where this piece starts, in bytes.")})
    kernel_db.rollback()
    if (connection := request.environ.get("gunicorn.socket")) is not None:
        # Who went into a tunnel never says goodbye: without an end to waiting, each keeps a thread for ever.
        connection.settimeout(SILENT_S)
    try:
        total = uploads.write_piece(incoming, int(offset), size, cast(BinaryIO, request.stream))
    except uploads.WrongOffset as wrong:
        return Response(status=409, headers={"Upload-Offset": str(wrong.received)})
    uploads.received(upload_id, total, by)
    return Response(status=204, headers={"Upload-Offset": str(total)})


@pages.post("/uploads/<int:upload_id>/finish")
@allow(Permission.UPLOAD_RECORDINGS)
def finish_upload(upload_id: int) -> Response | tuple[Response, int]:
    """All bytes are here: make a recording of them."""
    try:
        recording = uploads.finish(upload_id, by=actor())
    except uploads.NoRecording as refused:
        # Answered, not raised: that the upload has ended is to be kept.
        uploads.abandon(uploads.get(upload_id, actor()))
        return jsonify(message=refused.message, errors=refused.fields), 422
    return jsonify(recording_url=url_for(".show", recording_id=recording.id))


@pages.delete("/uploads/<int:upload_id>")
@allow(Permission.UPLOAD_RECORDINGS)
def abandon_upload(upload_id: int) -> Response:
    """Give an upload up."""
    uploads.abandon(uploads.get(upload_id, actor()))
    return Response(status=204)


@pages.get("/recordings/<int:recording_id>")
@allow(Permission.READ_RECORDINGS)
def show(recording_id: int) -> str:
    """The transcript page, or how far the work is."""
    recording = service.get(recording_id, actor())
    transcript = service.current_transcript(recording)
    plain = paginate(service.segments_of(transcript), web.page_number(), 100) if transcript else None
    return render_template(
        "streams/recordings/show.html",
        recording=recording,
        problem=shown.problem(recording),
        progress=shown.progress(recording),
        transcript=transcript,
        plain=plain,
        live_session=live_sessions.by_id([recording.live_session_id]).get(recording.live_session_id)
        if recording.live_session_id
        else None,
        product_categories=list(ProductCategory),
        session_choices=_session_choices(recording.live_session_id),
        form=ImportFile(),
    )


@pages.get("/recordings/<int:recording_id>/progress")
@allow(Permission.READ_RECORDINGS)
def progress(recording_id: int) -> Response:
    """How far the work on a recording is."""
    return jsonify(shown.progress(service.get(recording_id, actor())))


@pages.post("/recordings/<int:recording_id>/cancel")
@allow(Permission.UPLOAD_RECORDINGS)
def cancel(recording_id: int) -> BaseResponse:
    """Stop the work on a recording."""
    service.cancel(service.get(recording_id, actor()), by=actor())
    flash(_("Stopping. What is transcribed so far stays, and you can go on later."))
    return redirect(url_for(".show", recording_id=recording_id))


@pages.post("/recordings/<int:recording_id>/resume")
@allow(Permission.UPLOAD_RECORDINGS)
def resume(recording_id: int) -> BaseResponse:
    """Go on with the work on a recording."""
    service.resume(service.get(recording_id, actor()), by=actor())
    flash(_("Going on from where it stopped."))
    return redirect(url_for(".show", recording_id=recording_id))


@pages.post("/recordings/<int:recording_id>/session")
@allow(Permission.UPLOAD_RECORDINGS)
def put_into_session(recording_id: int) -> BaseResponse:
    """Say which live session a recording shows."""
    recording = service.get(recording_id, actor())
    form = ChooseSession()
    forms.check(form)
    service.put_into_session(recording, form.live_session.data or None, by=actor())
    flash(_("Saved."))
    return redirect(url_for(".show", recording_id=recording_id))


@pages.get("/recordings/<int:recording_id>/media")
@allow(Permission.READ_RECORDINGS)
def media(recording_id: int) -> Response:
    """The rendition that every browser plays; answers ranges."""
    recording = service.get(recording_id, actor())
    return _private(
        send_file(
            service.file(recording.m4a_key), mimetype="audio/mp4", conditional=True, etag=recording.sha256, max_age=3600
        )
    )


@pages.get("/recordings/<int:recording_id>/original")
@allow(Permission.READ_RECORDINGS)
def original(recording_id: int) -> Response:
    """The original, as a download and nothing else."""
    recording = service.get(recording_id, actor())
    return _private(
        send_file(
            service.file(recording.original_key),
            mimetype="application/octet-stream",
            as_attachment=True,
            download_name=recording.file_name,
            conditional=True,
            etag=recording.sha256,
        )
    )


@pages.get("/recordings/<int:recording_id>/peaks.json")
@allow(Permission.READ_RECORDINGS)
def peaks(recording_id: int) -> Response:
    """The peaks of the waveform."""
    recording = service.get(recording_id, actor())
    return _private(
        send_file(service.file(recording.peaks_key), mimetype="application/json", max_age=3600, etag=recording.sha256)
    )


@pages.patch("/recordings/<int:recording_id>/segments/<int:segment_id>/words")
@allow(Permission.CORRECT_TRANSCRIPTS)
def correct(recording_id: int, segment_id: int) -> Response:
    """Correct one word."""
    form = forms.from_json(Correction)
    recording = service.get(recording_id, actor())
    row = service.correct_word(
        recording, segment_id, form.word_index.data or 0, form.text.data or "", form.version.data or 0, by=actor()
    )
    return Response(f'{{"segment":{shown.segment_json(row)}}}', mimetype="application/json")


@pages.post("/recordings/<int:recording_id>/timeline")
@allow(Permission.MARK_TIMELINES)
def mark(recording_id: int) -> tuple[Response, int]:
    """Mark who speaks or which product is explained."""
    form = forms.from_json(Mark)
    recording = service.get(recording_id, actor())
    span = shown.span_of(form)
    rows = service.mark(recording, [span], by=actor(), replaces=form.replaces.data)
    return jsonify(span=shown.span_json(rows[0]), spans=[shown.span_json(r) for r in service.spans_of(recording)]), 201


@pages.delete("/recordings/<int:recording_id>/timeline/<int:span_id>")
@allow(Permission.MARK_TIMELINES)
def unmark(recording_id: int, span_id: int) -> Response:
    """Take a mark off the timeline."""
    recording = service.get(recording_id, actor())
    service.unmark(recording, span_id, by=actor())
    return jsonify(spans=[shown.span_json(r) for r in service.spans_of(recording)])


@pages.post("/recordings/<int:recording_id>/timeline/import")
@allow(Permission.MARK_TIMELINES)
def import_timeline(recording_id: int) -> BaseResponse:
    """Take a session timeline from CSV or JSON."""
    recording = service.get(recording_id, actor())
    raw, name = _imported()
    spans = parse_timeline(raw, name)
    service.mark(recording, spans, by=actor())
    flash(_("%(count)s stretches are on the timeline.", count=len(spans)))
    return redirect(url_for(".show", recording_id=recording_id))


@pages.post("/recordings/<int:recording_id>/subtitles")
@allow(Permission.CORRECT_TRANSCRIPTS)
def import_subtitles(recording_id: int) -> BaseResponse:
    """Take subtitles as the transcript."""
    recording = service.get(recording_id, actor())
    raw, name = _imported()
    cues = subtitles.parse_subtitles(raw, name)
    segments = [segment for window in windows_of(cues) for segment in window.segments]
    service.use_subtitles(recording, segments, by=actor())
    flash(_("%(count)s lines are the transcript now. They are being checked.", count=len(segments)))
    return redirect(url_for(".show", recording_id=recording_id))


@pages.get("/recordings/<int:recording_id>/export.<any(srt, vtt, txt, json):kind>")
@allow(Permission.READ_RECORDINGS)
def export(recording_id: int, kind: str) -> Response:
    """The transcript as a file."""
    recording = service.get(recording_id, actor())
    text, mimetype = shown.exported(recording, kind)
    answer = Response(text, mimetype=mimetype)
    answer.headers.set("Content-Disposition", "attachment", filename=f"recording-{recording.id}.{kind}")
    return answer


@pages.get("/search")
@allow(Permission.READ_RECORDINGS)
def search_all() -> str:
    """Search in all transcripts."""
    words = request.args.get("q", "").strip()
    page = paginate(search.found(words, actor()), web.page_number()) if words else None
    return render_template(
        "streams/search.html", words=words, page=page, where=shown.recordings_of(page.rows) if page else {}
    )


@pages.get("/recordings/<int:recording_id>/search")
@allow(Permission.READ_RECORDINGS)
def search_one(recording_id: int) -> Response:
    """Search in one transcript: the ids of its lines."""
    recording = service.get(recording_id, actor())
    page = paginate(search.found(request.args.get("q", ""), actor(), recording_id=recording.id), web.page_number(), 500)
    return jsonify(
        total=page.total, segments=[{"id": row.id, "start_ms": row.start_ms, "text": row.text} for row in page.rows]
    )


def _private(answer: Response) -> Response:
    """For this person's browser alone: a cache on the way must not serve it to others."""
    answer.cache_control.public = False
    answer.cache_control.private = True
    return answer


def _upload_page(form: PlainUpload) -> str:
    form.live_session.choices = _session_choices()
    if request.method == "GET":
        form.live_session.data = request.args.get("live_session", 0, type=int)
    return render_template(
        "streams/recordings/new.html",
        form=form,
        unfinished=uploads.unfinished(actor()),
        max_bytes=installation.settings().max_recording_bytes,
    )


def _session_choices(chosen: int | None = None) -> list[tuple[int, str]]:
    recent = live_sessions.recent_choices(actor())
    if chosen is not None and chosen not in dict(recent):
        recent += [(row.id, live_sessions.shown(row)) for row in live_sessions.by_id([chosen]).values()]
    return [(0, _("Not known yet")), *recent]


def _imported() -> tuple[bytes, str]:
    form = ImportFile()
    if not form.validate_on_submit():
        raise Invalid({"file": _("Choose a file.")})
    raw = form.file.data.read(IMPORT_MAX_BYTES + 1)
    if len(raw) > IMPORT_MAX_BYTES:
        raise Invalid({"file": _("This file is larger than 10 MB. Is it the right one?")})
    return raw, form.file.data.filename or ""

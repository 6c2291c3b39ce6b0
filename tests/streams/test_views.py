"""Recordings over HTTP."""

from __future__ import annotations

import io
import json

import pytest
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel import installation
from livequal.kernel.db import db
from livequal.streams.models import Recording, SegmentRow, Upload

from ..factories import make_mcn, make_platform, make_user, signed_in
from ..recordings import make_recording, transcribed
from .media_maker import beeps, make

TIMELINE = "from,to,kind,product name,product category\n0:00,0:04,product,云朵面霜,cosmetics\n"


@pytest.fixture
def moderator(app: object) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.fixture
def desk(client: FlaskClient, moderator: User) -> FlaskClient:
    return signed_in(client, moderator)


def begin(desk: FlaskClient, size: int, name: str = "晚场.wav") -> int:
    answer = desk.post("/uploads", json={"name": name, "size": size})
    assert answer.status_code == 201
    return int(answer.get_json()["id"])


def send(desk: FlaskClient, upload_id: int, offset: int, body: bytes) -> tuple[int, int]:
    answer = desk.patch(
        f"/uploads/{upload_id}",
        data=body,
        headers={"Upload-Offset": str(offset)},
        content_type="application/octet-stream",
    )
    return answer.status_code, int(answer.headers.get("Upload-Offset", -1))


def test_a_recording_arrives_in_pieces_and_a_wrong_offset_says_where_to_go_on(desk: FlaskClient) -> None:
    body = make("wav", beeps(0.5))
    upload_id = begin(desk, len(body))
    assert send(desk, upload_id, 0, body[:1000]) == (204, 1000)
    assert send(desk, upload_id, 0, body[:1000]) == (409, 1000)
    assert desk.get(f"/uploads/{upload_id}").get_json()["received"] == 1000
    assert desk.post(f"/uploads/{upload_id}/finish", json={}).status_code == 409
    assert send(desk, upload_id, 1000, body[1000:]) == (204, len(body))
    url = desk.post(f"/uploads/{upload_id}/finish", json={}).get_json()["recording_url"]
    assert "晚场" in desk.get(url).get_data(as_text=True)
    assert desk.get(f"{url}/progress").get_json()["state"] == "waiting"


@pytest.mark.parametrize(
    ("sent", "field"),
    [({"name": "a.wav"}, "size"), ({"name": "", "size": 5}, "name"), ({"name": "a", "size": "x"}, "size"), ([], "")],
)
def test_a_bad_beginning_says_what_is_missing(desk: FlaskClient, sent: object, field: str) -> None:
    answer = desk.post("/uploads", json=sent)
    assert answer.status_code == 422
    assert not field or field in answer.get_json()["errors"]


def test_an_empty_file_hears_that_it_is_empty(desk: FlaskClient) -> None:
    answer = desk.post("/uploads", json={"name": "晚场.wav", "size": 0})
    assert answer.status_code == 422
    assert "空文件" in answer.get_json()["errors"]["file"]


def test_what_is_no_recording_is_refused_in_words_and_leaves_no_file(desk: FlaskClient) -> None:
    body = b"ffconcat version 1.0\nfile '/etc/passwd'\n"
    upload_id = begin(desk, len(body), "晚场.mp4")
    send(desk, upload_id, 0, body)
    answer = desk.post(f"/uploads/{upload_id}/finish", json={})
    assert answer.status_code == 422
    assert answer.get_json()["errors"]["file"]
    upload = db.session.query(Upload).one()
    assert upload.state == "abandoned"
    assert not (installation.storage().incoming / upload.incoming).exists()


def test_without_scripts_a_small_file_goes_in_one_piece(desk: FlaskClient) -> None:
    body = make("wav", beeps(0.5))
    answer = desk.post(
        "/recordings/plain", data={"file": (io.BytesIO(body), "小样.wav"), "title": "试一下", "live_session": 0}
    )
    assert answer.status_code == 302
    assert db.session.query(Recording).one().title == "试一下"
    again = desk.post("/recordings/plain", data={"file": (io.BytesIO(b"hello"), "小样.wav"), "title": "留着"})
    assert again.status_code == 422
    assert "留着" in again.get_data(as_text=True)


def test_the_page_gets_everything_in_one_document(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款枣糕能治疗糖尿病", "大家好", unclear=[1])
    document = desk.get(f"/recordings/{recording.id}/transcript.json").get_json()
    assert [s["text"] for s in document["segments"]] == ["这款枣糕能治疗糖尿病", "大家好"]
    assert document["segments"][0]["words"][0] == [0, 400, "这", 90]
    flag = document["flags"][0]
    text = document["segments"][0]["text"]
    assert text[flag["start"] : flag["end"]] == flag["quote"]
    assert flag["state"] == "open"
    assert document["unclear"][0]["start_ms"] == 4000
    assert document["recording"]["can_decide"] is True


@pytest.mark.parametrize("kind", ["srt", "vtt", "txt", "json"])
def test_the_transcript_goes_out_in_each_form_and_says_what_was_not_understood(
    desk: FlaskClient, moderator: User, kind: str
) -> None:
    recording = transcribed(make_recording(moderator), "今晚有面霜", "嗯", unclear=[1])
    answer = desk.get(f"/recordings/{recording.id}/export.{kind}")
    assert "今晚有面霜" in answer.get_data(as_text=True)
    assert ("没听清" in answer.get_data(as_text=True)) or kind == "json"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_word_is_corrected_once_and_a_stale_page_hears_of_it(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款面双")
    row = db.session.query(SegmentRow).one()
    url = f"/recordings/{recording.id}/segments/{row.id}/words"
    answer = desk.patch(url, json={"word_index": 3, "text": "霜", "version": 1})
    assert answer.get_json()["segment"]["text"] == "这款面霜"
    stale = desk.patch(url, json={"word_index": 3, "text": "双", "version": 1})
    assert stale.status_code == 409
    assert desk.patch(url, json={"word_index": 3, "version": "x"}).status_code == 422


def test_a_timeline_comes_from_a_file_and_by_hand(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款面霜很好")
    url = f"/recordings/{recording.id}/timeline"
    answer = desk.post(f"{url}/import", data={"file": (io.BytesIO(TIMELINE.encode("gbk")), "场次.csv")})
    assert answer.status_code == 302
    marked = desk.post(
        url, json={"kind": "speaker", "start_ms": 0, "end_ms": 4000, "label": "小满", "speaker_role": "streamer"}
    )
    assert [(s["kind"], s["label"]) for s in marked.get_json()["spans"]] == [
        ("product", "云朵面霜"),
        ("speaker", "小满"),
    ]
    assert desk.post(url, json={"kind": "speaker", "start_ms": 9, "end_ms": 4}).status_code == 422
    gone = desk.delete(f"{url}/{marked.get_json()['span']['id']}")
    assert [s["kind"] for s in gone.get_json()["spans"]] == ["product"]


def test_search_marks_the_words_and_leads_to_the_place(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "今晚有面霜<b>", "没有别的")
    page = desk.get("/search?q=面霜").get_data(as_text=True)
    assert "<mark>面霜</mark>&lt;b&gt;" in page
    assert f"/recordings/{recording.id}#t=0" in page
    assert json.loads(desk.get(f"/recordings/{recording.id}/search?q=别").data)["total"] == 1


def test_media_answers_ranges_and_only_to_the_platform(client: FlaskClient, moderator: User) -> None:
    recording = make_recording(moderator)
    desk = signed_in(client, moderator)
    part = desk.get(f"/recordings/{recording.id}/media", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"rend")
    signed_in(client, make_user(make_mcn(), Role.MCN_MANAGER))
    assert client.get(f"/recordings/{recording.id}/media").status_code == 403

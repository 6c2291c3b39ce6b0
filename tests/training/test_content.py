"""Courses as files: what is taken, and that every fault names its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livequal.training.content import Weight, material_sha256, read_library, rendered
from livequal.training.content.clips import words_sha256

from .sample import LESSON, OTHER, TAG, facts, item, items, write_course


def faults_of(*folders: Path, whole: bool = False) -> list[str]:
    _library, faults = read_library(folders, whole=whole)
    return [str(fault) for fault in faults if fault.weight is Weight.ERROR]


def test_a_whole_course_is_read_and_only_its_silent_clips_are_gaps(tmp_path: Path) -> None:
    library, faults = read_library([write_course(tmp_path)], whole=False)
    assert {fault.weight for fault in faults} == {Weight.GAP}
    assert len(faults) == 3
    (course,) = library.courses
    assert (course.id, course.paper.size, len(course.items), len(course.lessons)) == ("sample", 10, 43, 2)


def _bank(change: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    bank = items()
    change(bank)
    return bank


def _of(bank: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(row for row in bank if row["type"] == kind)


BAD_BANKS: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "a key that is no option": (lambda b: _of(b, "single").update(key="z"), "key z is none of the options"),
    "a wrong option without why": (
        lambda b: _of(b, "single")["options"][0].pop("why"),
        "option a is wrong and lacks why",
    ),
    "an unknown type": (lambda b: b[0].update(type="essay"), "essay is no type"),
    "an unknown name": (lambda b: b[0].update(colour="red"), "has no colour"),
    "no explanation": (lambda b: b[0].pop("explanation"), "lacks explanation"),
    "the same id twice": (lambda b: b[1].update(id="t01-001"), "the item t01-001 is also in"),
    "the same item twice": (lambda b: b[1].update(text=b[0]["text"]), "says the same as another item"),
    "a tag nobody declared": (lambda b: b[0].update(tags=["weather"]), "weather is no risk category"),
    "a lesson that is not there": (lambda b: b[0].update(lesson="09-x.md"), "09-x.md is no lesson"),
    "gaps that do not match": (lambda b: _of(b, "fill_in").update(text="没有空"), "the text has 0 gaps"),
    "a pair left out": (lambda b: _of(b, "matching")["key"].pop("l1"), "key pairs each of left"),
    "an order that forgets one": (lambda b: _of(b, "ordering").update(key=["a", "b"]), "key names each option once"),
    "a scenario in a circle": (
        lambda b: _of(b, "scenario")["steps"][1]["options"][0].update(next="s1"),
        "leads back to itself",
    ),
    "a step nobody reaches": (
        lambda b: _of(b, "scenario")["steps"][0]["options"][1].update(next="end"),
        "no path leads to step s3",
    ),
    "a best path of 90": (
        lambda b: _of(b, "scenario")["steps"][1]["options"][0].update(points=40),
        "the best path is worth 90 points",
    ),
    "a step that does not exist": (
        lambda b: _of(b, "scenario")["steps"][0]["options"][0].update(next="s9"),
        "leads to s9, which is none of the steps",
    ),
    "a clip with an unknown category": (
        lambda b: _of(b, "clip_review").update(key={"s2": "rude"}),
        "rude is no risk category",
    ),
    "a clip of too few sentences": (
        lambda b: _of(b, "clip_review").update(segments=[{"id": "s1", "text": "一"}], key={}),
        "4 to 7 are needed, 1 stand here",
    ),
    "a red line where the course has none": (lambda b: b[0].update(red_line=True), "red_line: false"),
    "too few items": (lambda b: b.__delitem__(slice(30, None)), "the bank has 30 items"),
    "a type left out": (
        lambda b: b.__setitem__(slice(None), [row for row in b if row["type"] != "ordering"]),
        "no item is of the type ordering",
    ),
}


@pytest.mark.parametrize("name", BAD_BANKS)
def test_a_bad_bank_is_refused_with_file_and_line(tmp_path: Path, name: str) -> None:
    change, message = BAD_BANKS[name]
    found = faults_of(write_course(tmp_path, bank=_bank(change)))
    said = [fault for fault in found if message in fault]
    assert said, found
    assert all(fault.split(": ")[0].rpartition(":")[2].isdecimal() for fault in said), said


BAD_COURSES: dict[str, tuple[dict[str, Any], str]] = {
    "minutes that do not sum": ({"minutes": 30}, "the lessons take 11 minutes"),
    "an unknown role": ({"roles": ["king"]}, "king is not among the known words"),
    "an unknown product category": ({"product_categories": ["weather"]}, "weather is not among"),
    "an unknown risk category": ({"risk_categories": ["rude"]}, "rude is not among"),
    "no subject": ({"subjects": []}, "subjects is empty"),
    "a tag with too small a stock": (
        {"paper": {"pass_percent": 80, "minutes": 15, "draw": {TAG: 9, OTHER: 1}}},
        "needs 27 items",
    ),
    "a lesson outside of the folder": (
        {"lessons": [{"file": "../x.md", "title": "x", "minutes": 11}]},
        "a lesson's file looks like",
    ),
    "a lesson that teaches what the course does not list": ({"risk_categories": []}, "which the course does not list"),
    "itself as prerequisite": ({"requires": ["sample"]}, "requires itself"),
    "a version that is none": ({"version": "1"}, "a version looks like 1.0.0"),
}


@pytest.mark.parametrize("name", BAD_COURSES)
def test_a_bad_course_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    more, message = BAD_COURSES[name]
    found = faults_of(write_course(tmp_path, **more))
    assert any(message in fault and fault.startswith("sample/course.yaml:") for fault in found), found


def test_an_entry_course_takes_an_hour_at_most(tmp_path: Path) -> None:
    lessons = [{"file": f"0{n}-{w}.md", "title": w, "minutes": 31} for n, w in ((1, "one"), (2, "two"))]
    found = faults_of(write_course(tmp_path, "entry", minutes=62, lessons=lessons))
    assert any("60 is the most" in fault for fault in found), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system ['true']", "tags are not taken"),
        ("a: !!binary aGk=", "tags are not taken"),
        ("a: &x [1]\nb: *x", "anchors and aliases are not taken"),
        ("a: 1\na: 2", "a stands here twice"),
        ("a: [1", "not valid YAML"),
        ("", "empty or can't be read"),
    ],
)
def test_yaml_that_could_do_anything_is_refused(tmp_path: Path, text: str, message: str) -> None:
    folder = write_course(tmp_path)
    (folder / "course.yaml").write_text(text, encoding="utf-8")
    assert any(message in fault for fault in faults_of(folder))


def test_a_file_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    folder = write_course(tmp_path)
    secret = tmp_path / "secret.md"
    secret.write_text("# 秘密", encoding="utf-8")
    (folder / "02-two.md").unlink()
    (folder / "02-two.md").symlink_to(secret)
    library, _faults = read_library([folder], whole=False)
    assert any("is a link" in fault for fault in faults_of(folder))
    assert "秘密" not in str(library)


def test_courses_that_require_each_other_are_refused(tmp_path: Path) -> None:
    write_course(tmp_path, "one", requires=["two"])
    write_course(tmp_path, "two", requires=["one"], bank=items("t02"))
    assert sum("requires itself" in fault for fault in faults_of(tmp_path)) == 2


def test_all_courses_together_must_teach_and_test_every_risk_category(tmp_path: Path) -> None:
    write_course(tmp_path)
    found = faults_of(tmp_path, whole=True)
    assert "courses: no course teaches superstition" in found
    assert "courses: no item tests superstition" in found
    assert not any("lowest_price" in fault for fault in found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("<script>alert(1)</script>", "raw HTML"),
        ("<img src=x onerror=alert(1)>", "raw HTML"),
        ("[去看](https://example.com)", "other links are not taken"),
        ("![图](img/none.png)", "there is no image"),
        ("![图](../../etc/passwd)", "there is no image"),
    ],
)
def test_a_lesson_with_html_or_links_out_is_refused_at_its_line(tmp_path: Path, line: str, message: str) -> None:
    folder = write_course(tmp_path)
    (folder / "01-one.md").write_text(f"# 标题\n\n{line}\n", encoding="utf-8")
    assert any(fault.startswith("sample/01-one.md:3:") and message in fault for fault in faults_of(folder))


def test_markdown_shows_tables_footnotes_and_admonitions_with_labels_for_phones() -> None:
    html = rendered(LESSON.format(number=1), image=str, lesson=str)
    assert '<td data-label="你想说的">原价 399</td>' in html
    assert 'class="admonition note"' in html
    assert '<li class="tick">' in html
    assert 'id="fn:1"' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        "[x](//example.com)",
        "<a href='https://example.com'>x</a>",
        '!!! note "<b onclick=x>"\n    x',
        "[x]: javascript:alert(1)\n[x]",
        "<style>*{}</style>",
    ],
)
def test_malicious_markdown_is_inert(text: str) -> None:
    html = rendered(text, image=str, lesson=str)
    assert re.search(r"<(script|style|b)\b|<[^>]*\s(href|src|on\w+)=", html) is None, html


def _with_clip(folder: Path, words: list[dict[str, Any]], sound: bytes = b"\0\0\0 ftypM4A ", **more: Any) -> None:
    import hashlib

    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    (clips / "t01-041.m4a").write_bytes(sound)
    told = {
        "words_sha256": words_sha256(words),
        "sound_sha256": hashlib.sha256(sound).hexdigest(),
        "segments": [{"id": f"s{n}", "start_ms": n * 1000, "end_ms": n * 1000 + 900} for n in range(1, 5)],
    }
    (clips / "t01-041.json").write_text(json.dumps(told | more), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, s: _with_clip(f, [{"id": "s1", "text": "别的话"}]), "its words changed since"),
        (lambda f, s: _with_clip(f, s, sound_sha256="0"), "not the one its times"),
        (lambda f, s: _with_clip(f, s, segments=[]), "do not fit its segments"),
        (lambda f, s: _with_clip(f, s, segments=3), "can't be read"),
        (lambda f, s: None, "not spoken yet"),
    ],
)
def test_a_missing_or_stale_clip_is_noticed(tmp_path: Path, change: Callable[..., object], message: str) -> None:
    bank = items()
    folder = write_course(tmp_path, bank=bank)
    row = next(row for row in bank if row["id"] == "t01-041")
    change(folder, row["segments"])
    _library, faults = read_library([folder], whole=False)
    assert any("t01-041" in str(fault) and message in str(fault) for fault in faults)


def test_a_spoken_clip_is_no_gap(tmp_path: Path) -> None:
    bank = items()
    folder = write_course(tmp_path, bank=bank)
    _with_clip(folder, next(row for row in bank if row["id"] == "t01-041")["segments"])
    library, faults = read_library([folder], whole=False)
    assert not any("t01-041" in str(fault) for fault in faults)
    spoken = next(one for one in library.courses[0].items if one.id == "t01-041")
    assert spoken.clip is not None
    assert spoken.clip.times["s2"] == (2000, 2900)


def _changed(**more: Any) -> str:
    return material_sha256(item(1, "single", red_line=False) | more)


def test_a_typo_is_not_material_but_key_options_numbers_rule_and_negation_are() -> None:
    same = _changed()
    base = item(1, "single")
    assert _changed(text="第 1 题: 哪句话站得住") == same
    assert _changed(explanation="别的解析") == same
    assert _changed(options=[row | {"why": "换个说法"} if "why" in row else row for row in base["options"]]) == same
    assert _changed(source="《明码标价和禁止价格欺诈规定》 第十六条") == same
    assert _changed(key="a") != same
    assert _changed(text="第 2 题：哪句站得住") != same
    assert _changed(text="第 1 题：哪句不站得住") != same
    assert _changed(source="《明码标价和禁止价格欺诈规定》第十七条") != same
    assert _changed(options=[*base["options"][:2], {"id": "c", "text": "别的"}]) != same
    assert _changed(type="multiple") != same


def test_a_manual_needs_its_head(tmp_path: Path) -> None:
    (tmp_path / "manuals").mkdir()
    write_course(tmp_path)
    manual = tmp_path / "manuals" / "streamer.md"
    manual.write_text("# 没有头\n", encoding="utf-8")
    assert any("a manual begins with" in fault for fault in faults_of(tmp_path))
    manual.write_text("---\ntitle: 主播手册\nversion: 1.0.0\nroles: [streamer]\n---\n# 手册\n", encoding="utf-8")
    assert faults_of(tmp_path) == []


def test_every_fault_of_a_course_is_told_at_once(tmp_path: Path) -> None:
    folder = write_course(
        tmp_path, minutes=1, version="x", bank=_bank(lambda b: (b[0].pop("text"), b[1].pop("source")))
    )
    assert len(faults_of(folder)) >= 4
    assert facts()["id"] == "sample"

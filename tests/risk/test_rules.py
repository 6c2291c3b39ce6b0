from __future__ import annotations

import json
from pathlib import Path

import pytest

from livequal.risk.evaluation import Share, as_rows, as_table, errors_of, evaluate, labels_of, read_labelled
from livequal.risk.matcher import compile_pack, load_pack
from livequal.risk.matcher.proof import numbers
from livequal.risk.scan import BadLine, read_rows, scan_rows
from livequal.taxonomy.rules import ProductCategory, RiskCategory

MATCHER = compile_pack(load_pack(Path(__file__).parents[2] / "livequal/risk/packs/base"))


def test_plain_lines_and_json_lines_become_rows() -> None:
    lines = ["全网最低\n", "\n", '{"id": "x", "text": "祛斑", "product_category": "cosmetics"}']
    rows = list(read_rows(lines, ProductCategory.FOOD))
    assert [(row.id, row.context.category.value) for row in rows] == [("1", "food"), ("x", "cosmetics")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": 1}', "line 1 has no text"),
        ('{"text": "a", "product_category": "fruit"}', "line 1 has the unknown product category"),
        ('{"text": "a", "evidence": 3}', "line 1: evidence"),
        ('{"text": "a", "evidence": {"colour": 1}}', "unknown field"),
        ('{"text": ', "line 1 is not JSON"),
    ],
)
def test_a_bad_line_is_named(line: str, complaint: str) -> None:
    with pytest.raises(BadLine, match=complaint):
        list(read_rows([line]))


def test_each_row_is_judged_alone_unless_it_is_a_stream() -> None:
    rows = list(read_rows(["今天全网最", "低价快上车"]))
    alone = list(scan_rows(MATCHER, rows))
    joined = list(scan_rows(MATCHER, rows, stream=True))
    assert "lowest_price" not in {flag["category"] for flag in alone[0]["flags"]}
    flag = next(flag for flag in joined[0]["flags"] if flag["category"] == "lowest_price")
    assert flag["end_id"] == "2"


def test_a_result_has_the_promised_fields_and_is_json() -> None:
    (result,) = scan_rows(MATCHER, list(read_rows(["全网最低价"])))
    expected = {
        *("category", "severity", "start", "end", "quote", "rule", "pack", "confidence", "evidence", "legal_basis"),
        "suggestion",
    }
    assert expected <= set(result["flags"][0])
    assert json.loads(json.dumps(result)) == result


def test_the_wilson_interval_holds_the_share_and_stays_in_bounds() -> None:
    low, high = Share(9, 10).interval()
    assert (round(low, 1), round(high, 1)) == (59.6, 98.2)
    assert Share(0, 0).interval() == (0.0, 100.0)


def test_evaluation_counts_each_origin_apart() -> None:
    rows = [
        {
            "text": "能治糖尿病",
            "product_category": "food",
            "risky": True,
            "labels": ["disease-claim"],
            "origin": "case",
        },
        {"text": "大家好", "product_category": "food", "risky": True, "labels": ["vulgar"], "origin": "written"},
        {"text": "脆得很", "product_category": "food", "risky": False, "labels": [], "origin": "script"},
        {"text": "国家级", "risky": False, "labels": [], "origin": "lexicon-test"},
    ]
    report = evaluate(MATCHER, read_labelled([json.dumps(row) for row in rows]))
    assert report.shares["recall · case, decidable"] == Share(1, 1)
    assert report.shares["recall · written, decidable"] == Share(0, 1)
    assert report.shares["false alarms · script"] == Share(0, 1)
    assert report.shares["false alarms · lexicon-test"] == Share(1, 1)
    assert report.shares["right category"] == Share(1, 1)
    assert len(errors_of(report)) == 2
    assert len(as_table(report, details=True)) > len(as_table(report))


def test_what_words_cannot_decide_is_in_no_recall_but_its_own() -> None:
    row = {"text": "大家好", "product_category": "food", "risky": True, "labels": ["false-price"], "origin": "case"}
    report = evaluate(MATCHER, read_labelled([json.dumps(row | {"text_decidable": False})]))
    assert report.shares == {"recall · case, not decidable by words": Share(0, 1)}
    assert report.missed == []


def test_false_alarms_are_counted_by_the_category_they_were_raised_in() -> None:
    lines = [json.dumps({"text": text, "risky": False, "origin": "script"}) for text in ("全网最低价", "脆得很")]
    figures = {(row["measure"], row["group"]): row for row in as_rows(evaluate(MATCHER, read_labelled(lines)))}
    row = figures["false alarms by category", "lowest_price"]
    assert (row["hits"], row["of"], row["percent"], row["low"], row["high"]) == (1, 2, 50.0, 9.45, 90.55)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object"),
        ('{"risky": true, "labels": ["vulgar"]}', "line 2 has no text"),
        ('{"text": "a"}', "line 2 does not say whether the text is risky"),
        ('{"text": "a", "risky": true}', "line 2 is risky and has no labels"),
        ('{"text": "a", "risky": true, "labels": "vulgar"}', "line 2: labels must be a list"),
        ('{"text": "a", "risky": false, "product_category": "fruit"}', "line 2 has the unknown product category"),
    ],
)
def test_a_row_that_cannot_be_counted_is_named(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_labelled(["\n", line])


def test_every_category_has_labels() -> None:
    assert all(labels_of(category) for category in RiskCategory)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("1999", 1999),
        ("一千九百九十九", 1999),
        ("三千八", 3800),
        ("三千零八", 3008),
        ("一百万", 1000000),
        ("二十", 20),
        ("1.5万", 15000),
    ],
)
def test_spoken_numbers_are_read(words: str, value: float) -> None:
    assert numbers(words) == [value]

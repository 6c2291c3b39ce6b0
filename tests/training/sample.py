"""A small but whole course, written into a folder, for tests to load or to break."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

LESSON = """# 标题{number}

**记一句话：说得出哪一天，才叫原价。**

| 你想说的 | 问题在哪 |
|---|---|
| 原价 399 | 哪天卖过？ |

!!! note "带走"
    看一眼价格依据。

- ☐ 看档案[^1]

[^1]: 一条注。
"""
TAG, OTHER = "lowest_price", "price-display"


def item(number: int, kind: str, tag: str = TAG, *, prefix: str = "t01", **more: Any) -> dict[str, Any]:
    """One valid item of a type."""
    return {
        "id": f"{prefix}-{number:03}",
        "type": kind,
        "tags": [tag],
        "text": f"第 {number} 题：哪句站得住",
        "explanation": f"解析{number}",
        "source": "《明码标价和禁止价格欺诈规定》第十六条",
        "lesson": "01-one.md",
        **deepcopy(_BODIES[kind]),
        **more,
    }


_BODIES: dict[str, dict[str, Any]] = {
    "single": {
        "options": [
            {"id": "a", "text": "原价三九九", "why": "没成交过"},
            {"id": "b", "text": "平时一三九", "why": "没说哪一次"},
            {"id": "c", "text": "前几天最低一二九"},
        ],
        "key": "c",
    },
    "multiple": {
        "options": [
            {"id": "a", "text": "甲"},
            {"id": "b", "text": "乙", "why": "错在乙"},
            {"id": "c", "text": "丙"},
            {"id": "d", "text": "丁", "why": "错在丁"},
        ],
        "key": ["a", "c"],
    },
    "true_false": {"key": True},
    "fill_in": {"text": "不能高于前 ____ 天内的最低成交价，存 ____ 年。", "answers": [["七", "7"], ["3"]]},
    "matching": {
        "left": [{"id": "l1", "text": "左一"}, {"id": "l2", "text": "左二"}],
        "right": [{"id": "r1", "text": "右一"}, {"id": "r2", "text": "右二"}, {"id": "r3", "text": "多出来的"}],
        "key": {"l1": "r2", "l2": "r1"},
    },
    "ordering": {
        "options": [{"id": "a", "text": "先停"}, {"id": "b", "text": "再说"}, {"id": "c", "text": "后记"}],
        "key": ["b", "a", "c"],
    },
    "scenario": {
        "start": "s1",
        "steps": [
            {
                "id": "s1",
                "text": "手卡写着专柜价，怎么接？",
                "options": [
                    {"id": "a", "text": "先问小票", "next": "s2", "points": 50},
                    {"id": "b", "text": "照着念", "next": "s3", "points": 0, "why": "没有依据"},
                ],
            },
            {
                "id": "s2",
                "text": "小票来了，有日期。",
                "options": [
                    {"id": "a", "text": "照小票说", "next": "end", "points": 50, "outcome": "这样收尾最稳"},
                    {"id": "b", "text": "说高一点", "next": "end", "points": 0, "why": "与小票不符"},
                ],
            },
            {
                "id": "s3",
                "text": "有人问哪家专柜。",
                "options": [
                    {"id": "a", "text": "当场更正", "next": "end", "points": 30},
                    {"id": "b", "text": "不理", "next": "end", "points": 0, "why": "要当场更正"},
                ],
            },
        ],
    },
    "clip_review": {
        "product": "cosmetics",
        "segments": [
            {"id": "s1", "text": "姐妹们看一下这个质地。"},
            {"id": "s2", "text": "全网最低就在今晚。"},
            {"id": "s3", "text": "上场成交一二九今天一一九。"},
            {"id": "s4", "text": "库存大家看页面就好。"},
        ],
        "key": {"s2": "lowest_price"},
    },
}
PLAN = [
    ("single", 16),
    ("multiple", 6),
    ("true_false", 5),
    ("fill_in", 4),
    ("matching", 3),
    ("ordering", 3),
    ("scenario", 3),
    ("clip_review", 3),
]


def items(prefix: str = "t01", plan: list[tuple[str, int]] | None = None) -> list[dict[str, Any]]:
    """A bank of forty-three items of all types under two tags."""
    kinds = [kind for kind, count in plan or PLAN for _ in range(count)]
    return [
        item(number, kind, TAG if number % 2 else OTHER, prefix=prefix, **_unlike(kind, number))
        for number, kind in enumerate(kinds, 1)
    ]


def _unlike(kind: str, number: int) -> dict[str, Any]:
    return {"text": f"第 {number} 空：前 ____ 天内的最低成交价，存 ____ 年。"} if kind == "fill_in" else {}


def facts(slug: str = "sample", **more: Any) -> dict[str, Any]:
    """What course.yaml says."""
    return {
        "id": slug,
        "title": "价格怎么说",
        "version": "1.0.0",
        "summary": "价格说得清。",
        "roles": ["streamer", "mcn_manager"],
        "product_categories": [],
        "requires": [],
        "minutes": 11,
        "red_line": False,
        "subjects": ["consumer_rights"],
        "risk_categories": [TAG],
        "sources": ["《明码标价和禁止价格欺诈规定》第十六条"],
        "lessons": [
            {"file": "01-one.md", "title": "一", "minutes": 6, "risk_categories": [TAG]},
            {"file": "02-two.md", "title": "二", "minutes": 5},
        ],
        "paper": {"pass_percent": 80, "minutes": 15, "draw": {TAG: 5, OTHER: 5}},
        "topics": {OTHER: "明码标价"},
        **more,
    }


def write_course(root: Path, slug: str = "sample", *, bank: list[dict[str, Any]] | None = None, **more: Any) -> Path:
    """Write the course below `root` and answer its folder."""
    folder = root / slug
    (folder / "bank").mkdir(parents=True, exist_ok=True)
    dump(folder / "course.yaml", facts(slug, **more))
    for number, name in enumerate(("01-one.md", "02-two.md"), 1):
        (folder / name).write_text(LESSON.format(number=number), encoding="utf-8")
    dump(folder / "bank" / "items.yaml", items() if bank is None else bank)
    return folder


def dump(path: Path, value: object) -> None:
    """Write a value as YAML."""
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")

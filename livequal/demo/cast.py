"""Who and what there is in the demo. All of it is made up."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..accounts.rules import OrganisationKind, Role

HERE = Path(__file__).parent
HOST, ASSISTANT = "小禾", "阿舟"


@dataclass(frozen=True, slots=True)
class House:
    """An organisation; `key` is how the rest of the demo speaks of it."""

    key: str
    kind: OrganisationKind
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in. `stage_name` ties the account to that streamer."""

    login: str
    name: str
    house: str
    role: Role
    stage_name: str = ""


@dataclass(frozen=True, slots=True)
class Seller:
    """One streamer on the MCN's list."""

    name: str
    stage_name: str
    categories: frozenset[str]


@dataclass(frozen=True, slots=True)
class Room:
    """A live room: who operates it, and the MCN that serves it."""

    key: str
    house: str
    name: str
    platform_number: str
    mcn: str = ""


@dataclass(frozen=True, slots=True)
class Show:
    """A live session `days` from today (negative: past), at a full hour in Shanghai, of so many hours."""

    room: str
    title: str
    days: int
    hour: int
    hours: int
    stage_names: tuple[str, ...]
    recording: str = ""


HOUSES = (
    House("platform", OrganisationKind.PLATFORM, "晴川直播平台"),
    House("mcn", OrganisationKind.MCN, "禾木文化"),
    House("operator", OrganisationKind.ROOM_OPERATOR, "纸月亮直播间运营"),
)

PEOPLE = (
    Person("admin", "程溪", "platform", Role.ADMINISTRATOR),
    Person("moderator", "陆知夏", "platform", Role.MODERATOR),
    Person("moderator2", "闻笛", "platform", Role.MODERATOR),
    Person("lead", "顾长庚", "platform", Role.LEAD_MODERATOR),
    Person("appeal", "沈归舟", "platform", Role.APPEAL_REVIEWER),
    Person("rules", "唐守拙", "platform", Role.RULE_OWNER),
    Person("courses", "叶课桌", "platform", Role.CURRICULUM_MANAGER),
    Person("quality", "石衡", "platform", Role.QUALITY_OFFICER),
    Person("auditor", "严账房", "platform", Role.AUDITOR),
    Person("mcn", "禾青青", "mcn", Role.MCN_MANAGER),
    Person("files", "温档案", "mcn", Role.MCN_FILE_APPROVER),
    Person("operator", "纸小满", "operator", Role.ROOM_OPERATOR),
    Person("streamer", "云小禾", "mcn", Role.STREAMER, HOST),
    Person("streamer2", "周舟渡", "mcn", Role.STREAMER, ASSISTANT),
    Person("streamer3", "沈栗子", "mcn", Role.STREAMER, "栗子不睡觉"),
    Person("streamer4", "黎晚钟", "mcn", Role.STREAMER, "晚钟珠宝课"),
    Person("streamer5", "邵竹声", "mcn", Role.STREAMER, "竹声家电"),
)

ROOMS = (
    Room("meadow", "operator", "小禾的院子", "QC880001", mcn="mcn"),
    Room("moon", "operator", "纸月亮夜场", "QC880002", mcn="mcn"),
    Room("grove", "mcn", "禾木严选", "QC880003"),
)

SHOWS = (
    Show("meadow", "秋冬护肤与零食", -1, 20, 2, (HOST, ASSISTANT), recording="skin-and-snacks"),
    Show("moon", "周末夜场：玉镯与水壶", -3, 21, 2, (HOST, ASSISTANT), recording="night-market"),
    Show("grove", "零食开箱日", -2, 15, 3, ("栗子不睡觉", "松果零食")),
    Show("grove", "茶席小聚", -4, 10, 2, ("槐序茶席", "茶烟起")),
    Show("moon", "珠宝课堂", -6, 20, 2, ("晚钟珠宝课", "月牙首饰")),
    Show("meadow", "厨房家电专场", -8, 19, 3, ("竹声家电", "豆蔻厨房")),
    Show("meadow", "早安好物", 0, 8, 2, (HOST, "莓果日常")),
    Show("grove", "童书与童装", 0, 14, 3, ("麦穗妈妈", "桐叶童装")),
    Show("moon", "今晚夜场", 0, 20, 3, (HOST, ASSISTANT, "晚钟珠宝课")),
    Show("meadow", "户外上新", 1, 19, 2, ("鹿鸣户外", "山雀户外")),
    Show("grove", "家纺换季", 1, 14, 3, ("棉花家纺", "春藤家居")),
    Show("moon", "周年预热", 1, 21, 2, (HOST, "栗子不睡觉")),
)


@cache
def sellers() -> tuple[Seller, ...]:
    """The MCN's eighty streamers."""
    with (HERE / "streamers.csv").open(encoding="utf-8", newline="") as table:
        return tuple(
            Seller(row["name"], row["stage_name"], frozenset(row["categories"].split()))
            for row in csv.DictReader(table)
        )

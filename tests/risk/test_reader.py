from __future__ import annotations

import json
from pathlib import Path

import pytest

from livequal.risk.matcher import reader
from livequal.risk.matcher.normaliser import normalise
from livequal.taxonomy.rules import ProductCategory

ROWS = [
    json.loads(line)
    for path in sorted((Path(__file__).parent / "sets").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]


def test_what_is_looked_up_in_use_is_what_was_learned() -> None:
    model = reader._model(reader.reader_in_force())
    assert model is not None
    for row in ROWS[::97]:
        text, product = normalise(row["text"]).text, ProductCategory(row["product_category"])
        named = {name for name, _start, _end in reader.features(text, product, model.themes)}
        assert {model.places[name] for name in named if name in model.places} == set(
            reader._known(model, text, product)
        ), text


@pytest.mark.parametrize("text", ["𠀀𠀁𠀂𠀃𠀄", "zzzzzz", "，。！？；", "1234567", "\ufffd" * 20])
def test_text_without_any_known_stretch_is_read_too(text: str) -> None:
    found = reader.suspect(text, ProductCategory.GENERAL, ease=1e9)
    assert found is not None
    assert 0 <= found.start <= found.end <= len(text)


def test_every_row_of_the_sets_is_its_own() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({(row["text"], row["product_category"]) for row in ROWS}) == len(ROWS)

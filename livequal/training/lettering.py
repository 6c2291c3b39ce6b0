"""Letters for what is printed: of a typeface of 45,000 characters, a small font with just those a text needs.

Noto Sans CJK draws many characters differently for each country; what we print is Chinese as written on the
mainland, so the typeface's own `locl` table for it chooses the shapes.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from threading import Lock
from typing import Any

UNITS = 1000
# What stands in the place of a character that the typeface does not have.
STAND_IN = "?"
_lock = Lock()


def drawable(text: str) -> str:
    """The text with a question mark for every character that the typeface does not have."""
    known = _source()[1]
    return "".join(one if ord(one) in known else STAND_IN for one in text)


def missing(text: str) -> str:
    """The characters of a text that can't be drawn, each once; empty when all can."""
    known = _source()[1]
    return "".join(dict.fromkeys(one for one in text if ord(one) not in known))


def font_of(text: str) -> bytes:
    """A TrueType font with the characters of a text, in their mainland shapes."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    font, known, shapes = _source()
    letters = sorted({one for one in text + STAND_IN if ord(one) in known})
    outlines, widths, names = {}, {}, {}
    # The typeface reads itself lazily, which two threads must not make it do at once.
    with _lock:
        glyphs = font.getGlyphSet()
        for letter in (None, *letters):
            origin = ".notdef" if letter is None else known[ord(letter)]
            name = ".notdef" if letter is None else f"u{ord(letter):X}"
            glyph = glyphs[origin if letter is None else shapes.get(origin, origin)]
            pen = TTGlyphPen(None)
            glyph.draw(Cu2QuPen(pen, max_err=0.6, reverse_direction=True))
            outlines[name], widths[name] = pen.glyph(), (round(glyph.width), 0)
            if letter is not None:
                names[ord(letter)] = name
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder(list(outlines))
    builder.setupCharacterMap(names)
    builder.setupGlyf(outlines)
    table = builder.font["glyf"]
    builder.setupHorizontalMetrics(
        {
            name: (wide, table[name].xMin if table[name].numberOfContours else 0)
            for name, (wide, _left) in widths.items()
        }
    )
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "livequal", "styleName": "Regular", "psName": "livequal-Regular"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=880, usWinDescent=120)
    builder.setupPost()
    file = BytesIO()
    builder.save(file)
    return file.getvalue()


@lru_cache(maxsize=1)
def _source() -> tuple[Any, dict[int, str], dict[str, str]]:
    """The typeface, its characters' glyphs, and which glyph stands for which one in mainland text."""
    from fontTools.ttLib import TTFont

    with _lock:
        font = TTFont(str(files("noto_cjk_sans_jp_regular").joinpath("NotoSansCJKjp-Regular.otf")), lazy=True)
        return font, font.getBestCmap(), _mainland(font["GSUB"].table)


def _mainland(table: Any) -> dict[str, str]:
    scripts = {row.ScriptTag: row.Script for row in table.ScriptList.ScriptRecord}
    systems = {row.LangSysTag.strip(): row.LangSys for row in scripts["hani"].LangSysRecord}
    features = [table.FeatureList.FeatureRecord[number] for number in systems["ZHS"].FeatureIndex]
    shapes: dict[str, str] = {}
    for feature in features:
        if feature.FeatureTag != "locl":
            continue
        for number in feature.Feature.LookupListIndex:
            for subtable in table.LookupList.Lookup[number].SubTable:
                shapes |= getattr(subtable, "ExtSubTable", subtable).mapping
    return shapes

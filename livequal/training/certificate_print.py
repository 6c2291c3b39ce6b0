"""A certificate on paper (PDF) and as a picture (PNG): one layout, drawn twice.

The picture is for phones: it is saved by a long press where a browser offers no downloads, as in WeChat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any

import segno

from ..kernel.clock import SHANGHAI
from ..kernel.i18n import gettext as _
from . import lettering
from .ledger import grouped

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
PICTURE_WIDTH = 1080
MARGIN_MM = 28.0
QR_MM = 44.0
MM_PER_POINT = 25.4 / 72
Colour = tuple[int, int, int]
INK: Colour = (28, 37, 44)
SOFT: Colour = (84, 98, 108)
ACCENT: Colour = (11, 107, 134)
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands on a certificate."""

    serial: str
    name: str
    course_title: str
    course_version: str
    passed_at: datetime
    valid_until: datetime
    issuer: str
    verify_url: str


@dataclass(frozen=True, slots=True)
class Words:
    """One centred line. `y_mm`: its base line; `size` in points, smaller where it would not fit."""

    y_mm: float
    size: float
    text: str
    colour: Colour = INK


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle around the page."""

    inset_mm: float
    line_mm: float


def words_of(one: Printed) -> list[Words]:
    """The lines of a certificate, from top to bottom."""
    lines = [
        Words(52, 30, _("Certificate of training"), ACCENT),
        Words(86, 34, one.name),
        Words(103, 15, _("has taken the course and passed its exam"), SOFT),
        Words(122, 21, one.course_title),
        Words(133, 14, _("Version %(version)s", version=one.course_version), SOFT),
        Words(154, 15, _("Passed: %(at)s", at=_shown(one.passed_at))),
        Words(163, 15, _("Holds until: %(at)s", at=_shown(one.valid_until))),
        Words(172, 15, _("Issued by: %(issuer)s", issuer=one.issuer) if one.issuer else ""),
        Words(185, 15, _("No. %(serial)s", serial=grouped(one.serial))),
        Words(262, 13, _("Scan to check. Whether it holds is what the page says."), SOFT),
    ]
    return [Words(line.y_mm, line.size, lettering.drawable(line.text), line.colour) for line in lines if line.text]


def _shown(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


_FRAMES = (Frame(10, 1.2), Frame(13, 0.3))
_QR_TOP_MM = 203.0


def _modules(url: str) -> Iterator[tuple[int, int, int]]:
    """The dark runs of the QR code: row, first column, columns; the first answer is (size, 0, 0)."""
    matrix = [list(row) for row in segno.make(url, error="m", micro=False).matrix_iter(border=0)]
    yield len(matrix), 0, 0
    for number, row in enumerate(matrix):
        start = None
        for column, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                yield number, start, column - start
                start = None


def pdf(one: Printed) -> bytes:
    """The certificate as a page of A4; its text can be selected and searched."""
    lines = words_of(one)
    # fpdf2 takes a font from a file only, and reads it again at the end.
    with NamedTemporaryFile(suffix=".ttf") as font:
        font.write(lettering.font_of("".join(line.text for line in lines)))
        font.flush()
        return _paper(one, lines, font.name)


def _paper(one: Printed, lines: list[Words], font: str) -> bytes:
    from fpdf import FPDF

    page = FPDF(unit="mm", format="A4")
    page.set_creation_date(one.passed_at)
    page.set_title(one.course_title)
    page.set_author(one.issuer or "livequal")
    page.set_lang("zh-CN")
    page.set_auto_page_break(False)
    page.add_font("livequal", fname=font)
    page.add_page()
    page.set_draw_color(*ACCENT)
    for frame in _FRAMES:
        page.set_line_width(frame.line_mm)
        page.rect(frame.inset_mm, frame.inset_mm, WIDTH_MM - 2 * frame.inset_mm, HEIGHT_MM - 2 * frame.inset_mm)
    for line in lines:
        page.set_font("livequal", size=line.size)
        wide = page.get_string_width(line.text)
        if wide > (room := WIDTH_MM - 2 * MARGIN_MM):
            page.set_font("livequal", size=line.size * room / wide)
            wide = page.get_string_width(line.text)
        page.set_text_color(*line.colour)
        page.text((WIDTH_MM - wide) / 2, line.y_mm, line.text)
    page.set_fill_color(*INK)
    runs = _modules(one.verify_url)
    step = QR_MM / next(runs)[0]
    left = (WIDTH_MM - QR_MM) / 2
    for row, column, length in runs:
        page.rect(left + column * step, _QR_TOP_MM + row * step, length * step, step, style="F")
    return bytes(page.output())


def picture(one: Printed) -> bytes:
    """The certificate as a PNG, 1080 pixels wide."""
    from PIL import Image, ImageDraw, ImageFont

    scale = PICTURE_WIDTH / WIDTH_MM
    lines = words_of(one)
    font = lettering.font_of("".join(line.text for line in lines))
    image = Image.new("RGB", (PICTURE_WIDTH, round(HEIGHT_MM * scale)), WHITE)
    draw = ImageDraw.Draw(image)
    for frame in _FRAMES:
        inset = frame.inset_mm * scale
        box = (inset, inset, image.width - inset, image.height - inset)
        draw.rectangle(box, outline=ACCENT, width=max(1, round(frame.line_mm * scale)))
    room = (WIDTH_MM - 2 * MARGIN_MM) * scale
    for line in lines:
        size = line.size * MM_PER_POINT * scale
        letters: Any = _letters(ImageFont, font, size)
        if (wide := letters.getlength(line.text)) > room:
            letters = _letters(ImageFont, font, size * room / wide)
        draw.text((image.width / 2, line.y_mm * scale), line.text, line.colour, letters, anchor="ms")
    runs = _modules(one.verify_url)
    count = next(runs)[0]
    step = round(QR_MM * scale / count)
    left, top = (image.width - count * step) // 2, round(_QR_TOP_MM * scale)
    for row, column, length in runs:
        x, y = left + column * step, top + row * step
        draw.rectangle((x, y, x + length * step - 1, y + step - 1), fill=INK)
    file = BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()


def _letters(kind: Any, font: bytes, size: float) -> Any:
    return kind.truetype(BytesIO(font), size=size, layout_engine=kind.Layout.BASIC)

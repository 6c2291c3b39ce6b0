"""Markdown to HTML that can do nothing: raw HTML is shown as text, links and images lead into the course only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

import markdown
import nh3
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from .faults import Faults

IMAGE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
LESSON_FILE = re.compile(r"[0-9]{2}-[a-z0-9-]{1,60}\.md")
IMAGE_FILE = re.compile(r"img/[a-z0-9][a-z0-9-]{0,60}\.(?:png|jpg|jpeg|webp)")
_TAGS = {
    "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote",
    "table", "thead", "tbody", "tr", "th", "td", "hr", "br", "div", "sup", "a", "img", "del",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "id", "class"},
    "li": {"id", "class"},
    "sup": {"id"},
    "img": {"src", "alt"},
    "div": {"class"},
    "p": {"class"},
    "td": {"data-label"},
}
_CLASSES = {
    "footnote", "footnote-ref", "footnote-backref", "admonition", "admonition-title", "note", "warning", "tip", "tick",
}  # fmt: skip
_RAW = re.compile(r"<(?:/?[a-zA-Z][^>\n]*|!--)>?")
Address = Callable[[str], str]


def title_of(text: str) -> str:
    """The lesson's title: its first line, which begins with "# "."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    return first[2:].strip() if first.startswith("# ") else ""


def rendered(text: str, *, image: Address, lesson: Address) -> str:
    """Safe HTML. `image` and `lesson` turn a file's name into the address of a page; an empty answer drops it."""
    reader = markdown.Markdown(
        extensions=["tables", "footnotes", "admonition", "sane_lists", _Ours()],
        extension_configs={"footnotes": {"BACKLINK_TEXT": "↩", "BACKLINK_TITLE": ""}},
        output_format="html",
    )
    reader.preprocessors.deregister("html_block")
    reader.inlinePatterns.deregister("html")

    def kept(tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return (image(value) or None) if IMAGE_FILE.fullmatch(value) else None
        if name == "href":
            return _link(value, lesson)
        if name == "class":
            return " ".join(word for word in value.split() if word in _CLASSES) or None
        return value

    return nh3.clean(
        reader.convert(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=kept,
        url_schemes=set(),
        link_rel=None,
        clean_content_tags={"script", "style"},
    )


def _link(value: str, lesson: Address) -> str | None:
    if value.startswith("#fn"):
        return value
    return (lesson(value) or None) if LESSON_FILE.fullmatch(value) else None


def check(text: str, file: str, faults: Faults, *, lessons: frozenset[str], images: Mapping[str, object]) -> None:
    """Note what `rendered` would drop: raw HTML, links out of the course, images that are not there."""
    for number, line in enumerate(text.splitlines(), 1):
        if _RAW.search(line):
            faults.add(file, number, "raw HTML is not taken")
        for bang, target in re.findall(r"(!?)\[[^\]\n]*\]\(\s*([^)\s]*)[^)]*\)", line):
            if bang and target not in images:
                faults.add(file, number, f"there is no image {target} (images lie in img/ of the course)")
            elif not bang and target not in lessons:
                faults.add(file, number, f"{target} is no lesson of this course; other links are not taken")


class _Labels(Treeprocessor):  # type: ignore[misc]
    """What phones need: every cell has the head of its column (tables become cards), points with a box no bullet."""

    def run(self, root: Element) -> None:
        for table in root.iter("table"):
            heads = ["".join(cell.itertext()) for cell in table.iter("th")]
            for row in _rows(table):
                for head, cell in zip(heads, row, strict=False):
                    cell.set("data-label", head)
        for point in root.iter("li"):
            if "".join(point.itertext()).lstrip().startswith("☐"):
                point.set("class", "tick")


def _rows(table: Element) -> Iterator[Element]:
    for body in table.iter("tbody"):
        yield from body.iter("tr")


class _Ours(Extension):  # type: ignore[misc]
    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802 - the package's name
        """Register what we add."""
        md.treeprocessors.register(_Labels(md), "labels", 5)

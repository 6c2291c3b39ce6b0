"""Look through the boxes of an MP4 or MOV before any demuxer does: is it whole, self-contained, unprotected? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from livequal.streams.media.refusals import RefusalCode, Refused

_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"dinf"}
_MOST_BOXES = 20_000
_MOST_REFERENCES = 64
_SHORTEST_ALIAS = 20
"""An alias record with less payload than this names nothing."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


def examine_boxes(file: BinaryIO, size: int) -> None:
    """Raises: Refused when the file is cut off, keeps its sound elsewhere, or is protected."""
    seen: set[bytes] = set()
    for count, box in enumerate(_walk(file, 0, size)):
        if count > _MOST_BOXES:
            raise Refused(RefusalCode.IMPOSSIBLE, detail="boxes", claim=f">{_MOST_BOXES} MP4 boxes")
        seen.add(box.kind)
        _examine(file, box)
    if b"moov" not in seen:
        raise Refused(RefusalCode.CUT_OFF, detail="no moov box")


def _walk(file: BinaryIO, start: int, end: int, depth: int = 0) -> Iterator[_Box]:
    """Every box between start and end and those inside the parents that matter, outer before inner."""
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        length, body = int.from_bytes(header[:4], "big"), start + 8
        if length == 1:
            length, body = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        if length < body - start:
            return
        box = _Box(header[4:8], body, min(start + length, end))
        yield box
        if box.kind in _PARENTS and depth < 8:
            yield from _walk(file, box.start, box.end, depth + 1)
        start += length


def _examine(file: BinaryIO, box: _Box) -> None:
    if box.kind in (b"rmra", b"rmda"):
        raise Refused(RefusalCode.REFERS_ELSEWHERE, detail="reference movie")
    if box.kind == b"dref":
        _examine_references(file, box)
    if box.kind == b"minf":
        _examine_entries(file, box)


def _examine_references(file: BinaryIO, dref: _Box) -> None:
    """Each data reference must say that the samples are in this very file (flag 1, ISO/IEC 14496-12 §8.7.2)."""
    for count, entry in enumerate(_walk(file, dref.start + 8, dref.end, depth=99)):
        if count >= _MOST_REFERENCES:
            raise Refused(RefusalCode.IMPOSSIBLE, detail="dref", claim=f">{_MOST_REFERENCES} MP4 data references")
        file.seek(entry.start)
        payload = file.read(min(entry.end - entry.start, 4096))
        inside, place = bool(payload[3:4] and payload[3] & 1), payload[4:].strip(b"\x00")
        named = len(place) >= _SHORTEST_ALIAS if entry.kind in (b"alis", b"rsrc") else bool(place)
        if not inside and named:
            raise Refused(RefusalCode.REFERS_ELSEWHERE, detail=repr(place[:80]))


def _examine_entries(file: BinaryIO, minf: _Box) -> None:
    """The sample entries of sound tracks: `enca` means protected."""
    for table in _walk(file, minf.start, minf.end, depth=99):
        if table.kind != b"stbl":
            continue
        for box in _walk(file, table.start, table.end, depth=99):
            file.seek(box.start)
            if box.kind == b"stsd" and any(e.kind == b"enca" for e in _walk(file, box.start + 8, box.end, depth=99)):
                raise Refused(RefusalCode.ENCRYPTED, detail="enca")

"""What a file is, told from its content alone: names and declared types are never believed. Stdlib only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import BinaryIO

from livequal.streams.media.boxes import examine_boxes
from livequal.streams.media.facts import Container
from livequal.streams.media.refusals import RefusalCode, Refused

HEAD_BYTES = 64 * 1024
ID3_LARGEST = 64 * 1024 * 1024

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00", b"8BPS", b"\xff\x0a")
_DOCUMENTS = (
    b"%PDF",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\xd0\xcf\x11\xe0",
)
_PICTURE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"crx "}
_FRAGMENT_BOXES = {b"styp", b"sidx", b"moof", b"prft", b"emsg"}
_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_PLAYLIST = re.compile(
    r"#EXTM3U|#EXT-X-|^\s*ffconcat\s+version|<MPD[\s>]|<SmoothStreamingMedia|<smil[\s>]|<asx[\s>]|^\s*\[playlist\]"
    r"|^\s*\[reference\]|^v=0\s*$|^\s*file\s+['\"]|^\s*(?:https?|rtmps?|rtsp|mms|ftp)://\S+\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_SUBTITLES = re.compile(
    r"\A\s*WEBVTT|^\s*\d+\s*\r?\n\d{1,3}:\d\d:\d\d[,.]\d{1,3}\s*-->|\A\s*\[Script Info\]", re.IGNORECASE | re.MULTILINE
)


def recognise(descriptor: int) -> Container:
    """The container of a file that is open for reading, and looked through where its boxes could point elsewhere.

    Raises: Refused.
    """
    with os.fdopen(os.dup(descriptor), "rb") as file:
        kind = sniff(file)
        if kind is Container.MP4:
            examine_boxes(file, os.fstat(descriptor).st_size)
    return kind


def sniff(file: BinaryIO) -> Container:
    """The container of the open file; the position afterwards is undefined.

    Raises: Refused with a code of its own for each kind of file that is not taken.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise Refused(RefusalCode.EMPTY)
    found = _by_magic(head) or _by_frames(head, file)
    if found is not None:
        return found
    _refuse_known(head)
    raise Refused(RefusalCode.UNKNOWN_KIND, detail=head[:16].hex())


def _by_magic(head: bytes) -> Container | None:
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska(head)
    if head.startswith(b"FLV\x01"):
        return Container.FLV
    if head.startswith(b"OggS"):
        return Container.OGG
    if head.startswith(b"fLaC"):
        return Container.FLAC
    if head.startswith(_ASF):
        return Container.ASF
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return {b"AVI ": Container.AVI, b"WAVE": Container.WAV}.get(head[8:12])
    return _mov(head) or (Container.MPEGTS if _is_mpegts(head) else None)


def _matroska(head: bytes) -> Container:
    match = re.search(rb"\x42\x82[\x80-\x90](?:\x00*)(webm|matroska)", head[:4096])
    if match is None:
        raise Refused(RefusalCode.UNKNOWN_KIND, detail="EBML that is neither matroska nor webm")
    return Container.MATROSKA


def _mov(head: bytes) -> Container | None:
    box, size = head[4:8], int.from_bytes(head[:4], "big")
    if box in _FRAGMENT_BOXES and size >= 8:
        raise Refused(RefusalCode.FRAGMENT, detail=box.decode())
    if box not in _MOV_BOXES or not (size >= 8 or size in (0, 1)):
        return None
    if box == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise Refused(RefusalCode.PICTURE, detail=head[8:12].decode("latin-1"))
    return Container.MP4


def _is_mpegts(head: bytes) -> bool:
    """Sync bytes at a packet's distance, five in a row (fewer where the file ends); a little rubbish may precede."""
    for length, lead in ((188, 0), (192, 4), (204, 0)):
        for first in range(lead, min(len(head), length + 1024)):
            places = range(first, min(len(head), first + 5 * length), length)
            if head[first] == 0x47 and len(places) >= 3 and all(head[place] == 0x47 for place in places):
                return True
    return False


def _by_frames(head: bytes, file: BinaryIO) -> Container | None:
    """MP3 and AAC have no header of their own: frames that follow each other are the proof."""
    start = 0
    while head.startswith(b"ID3") and len(head) >= 10:
        start += 10 + _synchsafe(head[6:10])
        if start > ID3_LARGEST:
            raise Refused(RefusalCode.IMPOSSIBLE, detail="ID3 size", claim=f"ID3 {start >> 20} MiB")
        file.seek(start)
        head = file.read(HEAD_BYTES)
    if start and head.startswith(b"fLaC"):
        return Container.FLAC
    if start and not head:
        raise Refused(RefusalCode.CUT_OFF, detail="nothing after the ID3 tag")
    body = head.lstrip(b"\x00")
    for offset in range(min(len(body), 2048)):
        if body[offset] != 0xFF:
            continue
        if _follow(body, offset, _adts_length):
            return Container.AAC
        if _follow(body, offset, _mpeg_audio_length):
            return Container.MP3
    return None


def _synchsafe(four: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))


def _follow(body: bytes, offset: int, length_of: Callable[[bytes], int]) -> bool:
    """Whether at least three frames follow each other (two where the file ends with them)."""
    for count in range(3):
        if offset + 8 > len(body):
            return count >= 2
        length = length_of(body[offset : offset + 8])
        if not length:
            return False
        offset += length
    return True


def _adts_length(header: bytes) -> int:
    if header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or (header[2] >> 2) & 0xF > 12:
        return 0
    length = (header[3] & 0x3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


_BIT_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


def _mpeg_audio_length(header: bytes) -> int:
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = (header[1] >> 3) & 3, 4 - ((header[1] >> 1) & 3)
    rate_index, bit_rate_index, padding = (header[2] >> 2) & 3, header[2] >> 4, (header[2] >> 1) & 1
    if version == 1 or layer == 4 or rate_index == 3 or bit_rate_index in (0, 15):
        return 0
    kilobits = _BIT_RATES[1 if version == 3 else 2, layer][bit_rate_index]
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        return (12_000 * kilobits // rate + padding) * 4
    return (144_000 if version == 3 or layer == 2 else 72_000) * kilobits // rate + padding


def _refuse_known(head: bytes) -> None:
    if head[8:12] == b"WEBP" or head.startswith(_PICTURES):
        raise Refused(RefusalCode.PICTURE)
    if head.startswith(_DOCUMENTS):
        raise Refused(RefusalCode.DOCUMENT)
    text = _as_text(head)
    if text is None:
        if head.startswith(b"BM"):
            raise Refused(RefusalCode.PICTURE)
        return
    if _SUBTITLES.search(text):
        raise Refused(RefusalCode.SUBTITLES)
    if _PLAYLIST.search(text):
        raise Refused(RefusalCode.PLAYLIST, detail=text[:80])
    if re.search(r"<svg[\s>]", text, re.IGNORECASE):
        raise Refused(RefusalCode.PICTURE)
    raise Refused(RefusalCode.TEXT)


def _as_text(head: bytes) -> str | None:
    for encoding in ("utf-8-sig", "utf-16", "gb18030"):
        if encoding == "utf-16" and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            text = (head[: len(head) & ~1] if encoding == "utf-16" else head).decode(encoding)
        except UnicodeDecodeError as error:
            if len(head) < HEAD_BYTES or error.start < len(head) - 8:
                continue
            text = head[: error.start].decode(encoding, errors="ignore")
        if sum(char < " " and char not in "\t\r\n\f\x1b" for char in text) <= len(text) // 200:
            return text
    return None

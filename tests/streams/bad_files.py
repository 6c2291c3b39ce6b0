"""The files people and attackers really upload, by name: what each holds and what must come of it.

Used by the tests of the media room, by the upload's test and by `soak/bad_files.py`. A canary is planted wherever a
file points elsewhere: nothing of it may ever turn up.
"""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from livequal.streams.media.refusals import RefusalCode

from .media_maker import beeps, make

SECRET = "/etc/passwd"
ELSEWHERE = "http://127.0.0.1:9/canary.ts"


@dataclass(frozen=True, slots=True)
class BadFile:
    """One upload: `refused` is the expected code, None when the file must be accepted.

    `duration_ms` is what an accepted file must last (within 60 ms); `damaged`: it must say what could not be read.
    """

    name: str
    content: Callable[[], bytes]
    refused: RefusalCode | None
    duration_ms: int = 0
    damaged: bool = False
    heavy: bool = False


def _speech(seconds: float = 2.0, **options: object) -> bytes:
    return make("mp4", beeps(seconds), film=seconds, **options)  # type: ignore[arg-type]


def _text(text: str) -> Callable[[], bytes]:
    return lambda: text.encode()


def _zip() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.mp4", b"\x00" * 20_000_000)
    return out.getvalue()


def _mov_sound(seconds: float = 1.0) -> bytes:
    return make("mov", beeps(seconds))


def _external_reference() -> bytes:
    """The sound track's data reference is turned into one to another file, of the same length."""
    data = _mov_sound()
    at = data.rindex(b"dref")
    size = int.from_bytes(data[at - 4 : at], "big")
    place = SECRET.encode() + b"\x00"
    entry = struct.pack(">I4sI", 12 + len(place), b"url ", 0) + place
    changed = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    return _regrown(data, at - 4, size, changed)


def _regrown(data: bytes, start: int, size: int, changed: bytes) -> bytes:
    """Replace a box and correct the sizes of all its parents; the index must come after the samples."""
    grown = len(changed) - size
    result = bytearray(data[:start] + changed + data[start + size :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = data.rindex(parent, 0, start) - 4
        struct.pack_into(">I", result, at, int.from_bytes(data[at : at + 4], "big") + grown)
    return bytes(result)


def _reference_movie() -> bytes:
    place = ELSEWHERE.encode() + b"\x00"
    rdrf = struct.pack(">I4sI4sI", 20 + len(place), b"rdrf", 0, b"url ", len(place)) + place
    rmda = struct.pack(">I4s", 8 + len(rdrf), b"rmda") + rdrf
    rmra = struct.pack(">I4s", 8 + len(rmda), b"rmra") + rmda
    return struct.pack(">I4s", 8 + len(rmra), b"moov") + rmra


def _patched(data: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes at an offset behind the name of every box of that kind."""
    result, at = bytearray(data), data.find(box)
    while at >= 0:
        result[at + 4 + offset : at + 4 + offset + len(value)] = value
        at = data.find(box, at + 4)
    return bytes(result)


def _without_index() -> bytes:
    data = _speech()
    return data[: data.rindex(b"moov") - 4]


def _half_of_the_samples() -> bytes:
    data = _speech(4.0, options={"movflags": "+faststart"})
    return data[: len(data) * 6 // 10]


def _noise(data: bytes, start: int, end: int, seed: int = 1) -> bytes:
    return data[:start] + random.Random(seed).randbytes(end - start) + data[end:]


def _noise_for_samples() -> bytes:
    data = make("mp4", beeps(1.0))
    at = data.index(b"mdat")
    length = int.from_bytes(data[at - 4 : at], "big")
    return data[: at + 4] + b"\xff" * (length - 8) + data[at - 4 + length :]


def _wav(
    rate: int, channels: int, samples: bytes, *, bits: int = 16, tag: int = 1, claimed: int | None = None
) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    size = len(samples) if claimed is None else claimed
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + head + b"data" + struct.pack("<I", size) + samples


def _flac_streaminfo(rate: int, total: int) -> bytes:
    """A real FLAC whose header tells another rate and another number of samples."""
    data = bytearray(make("flac", beeps(1.0)))
    at = 18
    old = int.from_bytes(data[at : at + 8], "big")
    channels_and_bits = old >> 36 & 0xFF
    data[at : at + 8] = (rate << 44 | channels_and_bits << 36 | total).to_bytes(8, "big")
    return bytes(data)


def _hour_of_silence() -> bytes:
    return make("flac", np.zeros((1, 3600 * 8_000), dtype=np.float32), rate=8_000)


def _big_tag() -> bytes:
    return b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"\x00" * 1000


def _no_numbers() -> bytes:
    samples = np.full(16_000, np.nan, dtype="<f4")
    samples[::3] = np.inf
    samples[8_000:] = 0.25
    return _wav(16_000, 1, samples.tobytes(), bits=32, tag=3)


def _far_timestamp() -> bytes:
    return make("mkv", beeps(2.0), moved=lambda at: at if at < 1 else at + 400 * 86_400)


def _damaged_middle(kind: str) -> Callable[[], bytes]:
    def content() -> bytes:
        data = make(kind, beeps(4.0))
        return _noise(data, len(data) * 4 // 10, len(data) * 6 // 10)

    return content


def _tiff_like() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + struct.pack(">II", 60_000, 60_000) + b"\x08\x06\x00\x00\x00"


_CONCAT = f"ffconcat version 1.0\nfile '{SECRET}'\nfile '{ELSEWHERE}'\n"
_M3U8 = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{SECRET}\n#EXTINF:10,\n{ELSEWHERE}\n#EXT-X-ENDLIST\n"
_MPD = f'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{ELSEWHERE}</BaseURL></MPD>\n'
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n"

BAD_FILES: tuple[BadFile, ...] = (
    BadFile("empty.mp4", lambda: b"", RefusalCode.EMPTY),
    BadFile("text.mp4", _text("晴川直播平台 场次记录\n" * 40), RefusalCode.TEXT),
    BadFile("gbk.mp4", lambda: ("今晚八点直播间见\n" * 40).encode("gb18030"), RefusalCode.TEXT),
    BadFile("error-page.mp4", _text("<!doctype html><html><body>404 Not Found</body></html>"), RefusalCode.TEXT),
    BadFile("concat.mp4", _text(_CONCAT), RefusalCode.PLAYLIST),
    BadFile("concat-without-header.mkv", _text(f"file '{SECRET}'\n"), RefusalCode.PLAYLIST),
    BadFile("playlist.mp4", _text(_M3U8), RefusalCode.PLAYLIST),
    BadFile("playlist-with-bom.ts", lambda: b"\xef\xbb\xbf" + _M3U8.encode(), RefusalCode.PLAYLIST),
    BadFile("dash.mp4", _text(_MPD), RefusalCode.PLAYLIST),
    BadFile("session.flv", _text(_SDP), RefusalCode.PLAYLIST),
    BadFile(
        "redirect.wmv",
        _text(f'<asx version="3.0"><entry><ref href="{ELSEWHERE}"/></entry></asx>'),
        RefusalCode.PLAYLIST,
    ),
    BadFile("address.mp3", _text(f"{ELSEWHERE}\n"), RefusalCode.PLAYLIST),
    BadFile("subtitles.mp4", _text("1\n00:00:01,000 --> 00:00:02,000\n大家好\n"), RefusalCode.SUBTITLES),
    BadFile("picture.mp4", _tiff_like, RefusalCode.PICTURE),
    BadFile("archive.mkv", _zip, RefusalCode.DOCUMENT),
    BadFile("document.mp4", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", RefusalCode.DOCUMENT),
    BadFile("random.mp4", lambda: random.Random(7).randbytes(200_000), RefusalCode.UNKNOWN_KIND),
    BadFile("phone.amr", lambda: b"#!AMR\n" + b"\x3c" + random.Random(8).randbytes(3_000), RefusalCode.UNKNOWN_KIND),
    BadFile("piece.m4s", lambda: struct.pack(">I4s4sI", 16, b"styp", b"msdh", 0) + b"\x00" * 99, RefusalCode.FRAGMENT),
    BadFile("external.mov", _external_reference, RefusalCode.REFERS_ELSEWHERE),
    BadFile("reference.mov", _reference_movie, RefusalCode.REFERS_ELSEWHERE),
    BadFile("no-index.mp4", _without_index, RefusalCode.CUT_OFF),
    BadFile("tag-only.mp3", _big_tag, RefusalCode.IMPOSSIBLE),
    BadFile("broken-index.mp4", lambda: _patched(_speech(), b"stsd", 0, b"\xff" * 12), RefusalCode.BROKEN),
    BadFile("broken-header.mkv", lambda: _noise(make("mkv", beeps(1.0)), 60, 2_000), RefusalCode.BROKEN),
    BadFile("no-sound.mp4", lambda: make("mp4", film=2.0), RefusalCode.NO_SOUND),
    BadFile("protected.mp4", lambda: _speech().replace(b"mp4a", b"enca"), RefusalCode.ENCRYPTED),
    BadFile("gigahertz.wav", lambda: _wav(1_000_000_000, 1, b"\x00" * 4_000), RefusalCode.IMPOSSIBLE),
    BadFile("thousand-channels.wav", lambda: _wav(8_000, 1_000, b"\x00" * 40_000), RefusalCode.BROKEN),
    BadFile("hidden-rate.flac", lambda: _flac_streaminfo(655_350, 48_000), None, 1_000),
    BadFile("only-noise.mp4", _noise_for_samples, RefusalCode.NOTHING_DECODED),
    BadFile("half.mp4", _half_of_the_samples, None, damaged=True),
    BadFile("damaged.mp3", _damaged_middle("mp3"), None, damaged=True),
    BadFile("damaged.flac", _damaged_middle("flac"), None, damaged=True),
    BadFile("damaged.ts", _damaged_middle("ts"), None, damaged=True),
    BadFile("eight-channels.wav", lambda: make("wav", beeps(1.0, channels=8)), None, 1_000),
    BadFile("eight-kilohertz.wav", lambda: make("wav", beeps(1.0, rate=8_000), rate=8_000), None, 1_000),
    BadFile("tenth-of-a-second.wav", lambda: make("wav", beeps(0.1)), None, 100),
    BadFile("hour-of-silence.flac", _hour_of_silence, None, 3_600_000, heavy=True),
    BadFile("no-numbers.wav", _no_numbers, None, 1_000),
    BadFile("four-gigabytes.wav", lambda: _wav(16_000, 1, b"\x10\x00" * 16_000, claimed=0xFFFFFFF0), None, 1_000),
    BadFile("huge-picture.mp4", lambda: _patched(_speech(), b"avc1", 24, b"\xff\xff\xff\xff"), None, 2_000),
    BadFile("hundred-years.mp4", lambda: _patched(_speech(), b"mvhd", 16, b"\x7f\xff\xff\xff"), None, 2_000),
    BadFile("endless.flac", lambda: _flac_streaminfo(48_000, (1 << 36) - 1), None, 1_000),
    BadFile("far-timestamp.mkv", _far_timestamp, None, 2_000),
    BadFile("../../../../tmp/escape.mp4", _speech, None, 2_000),
    BadFile("..\\..\\escape.mp4", _speech, None, 2_000),
    BadFile("/etc/passwd", _speech, None, 2_000),
    BadFile("concat:a.ts|b.ts", _speech, None, 2_000),
    BadFile("长" * 296 + ".mp4", _speech, None, 2_000),
    BadFile("🎤🛒直播👨‍👩‍👧‍👦.mp4", _speech, None, 2_000),
    BadFile("-i.mp4", _speech, None, 2_000),
)
"""Each under the name it is uploaded as; names repeat nothing."""

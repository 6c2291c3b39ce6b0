"""Open a hostile file with one demuxer, one protocol and a short list of decoders. Runs in the child process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream

from livequal.streams.media.facts import Container, Limits, MediaFacts
from livequal.streams.media.refusals import RefusalCode, Refused

_DEMUXERS = {
    Container.MP4: "mov,mp4,m4a,3gp,3g2,mj2",
    Container.MATROSKA: "matroska,webm",
    Container.FLV: "flv",
    Container.MPEGTS: "mpegts",
    Container.AVI: "avi",
    Container.WAV: "wav",
    Container.FLAC: "flac",
    Container.MP3: "mp3",
    Container.AAC: "aac",
    Container.OGG: "ogg",
    Container.ASF: "asf",
}
_DECODERS = (
    "aac,aac_latm,ac3,eac3,mp1float,mp2float,mp3float,mp1,mp2,mp3,flac,alac,opus,libopus,vorbis,speex,"
    "wmav1,wmav2,wmapro,wmavoice,nellymoser,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,adpcm_ms,"
    "adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,gsm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,"
    "pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_bluray"
)
"""Decoders for sound only: no picture is ever decoded, whatever its header says of its size."""

MOST_CHANNELS = 24
RATES = range(4_000, 384_001)
MOST_STREAMS = 64
_FIRST_PACKETS = 100
_LEAST_BITS_PER_SECOND = 200
"""Below this a declared duration is impossible; silence in Opus or FLAC takes more."""


@dataclass(frozen=True)
class Opened:
    """An open file and the one sound track that is used."""

    container: InputContainer
    stream: AudioStream
    facts: MediaFacts
    origin_us: int
    """The file's own time zero in microseconds: where a player starts."""


@contextmanager
def open_media(descriptor: int, kind: Container, limits: Limits) -> Iterator[Opened]:
    """Raises: Refused."""
    size = os.fstat(descriptor).st_size
    with _demuxed(descriptor, kind) as container:
        first_us = _first_picture_us(container)
    with _demuxed(descriptor, kind) as container:
        stream = _sound_of(container, kind)
        told_us = container.start_time or 0
        origin_us = told_us if first_us is None else min(told_us, first_us)
        yield Opened(container, stream, _facts(container, stream, kind, size, origin_us, limits), origin_us)


@contextmanager
def _demuxed(descriptor: int, kind: Container) -> Iterator[InputContainer]:
    name = _DEMUXERS[kind].partition(",")[0]
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        container = av.open("fd:", "r", format=name, options=_options(descriptor, kind))
    except av.MemoryError as error:
        raise Refused(RefusalCode.TOO_MUCH_MEMORY, detail=str(error)) from error
    except (av.FFmpegError, ValueError) as error:
        raise Refused(RefusalCode.BROKEN, detail=str(error)) from error
    try:
        yield container
    finally:
        container.close()


def _first_picture_us(container: InputContainer) -> int | None:
    """The earliest timestamp of the first packets of the film, None without a film.

    The demuxer's own answer comes partly from decoding the picture, which is not done here.
    """
    found: list[int] = []
    if not any(_is_film(video) for video in container.streams.video):
        return None
    try:
        for packet in islice(container.demux(), _FIRST_PACKETS):
            if packet.pts is not None and packet.stream.type == "video" and _is_film(packet.stream):
                found.append(int(packet.pts * packet.time_base * 1_000_000))
    except av.FFmpegError:
        pass  # told when the sound is read
    return min(found, default=None)


def _options(descriptor: int, kind: Container) -> dict[str, str]:
    options = {
        "fd": str(descriptor),
        "protocol_whitelist": "fd",
        "format_whitelist": _DEMUXERS[kind],
        "codec_whitelist": _DECODERS,
        "probesize": str(20 << 20),
        "analyzeduration": str(30_000_000),
        "max_streams": str(MOST_STREAMS),
    }
    if kind is Container.MP4:
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    return options


def _sound_of(container: InputContainer, kind: Container) -> AudioStream:
    """The track a player would choose; every other is told to be skipped while reading."""
    best = container.streams.best("audio") or next(iter(container.streams.audio), None)
    if not isinstance(best, AudioStream):
        only_sound = kind in (Container.WAV, Container.FLAC, Container.MP3, Container.AAC)
        raise Refused(RefusalCode.BROKEN if only_sound else RefusalCode.NO_SOUND)
    for stream in container.streams:
        if stream.index != best.index:
            stream.discard = Discard.all
    return best


def _facts(
    container: InputContainer, stream: AudioStream, kind: Container, size: int, origin_us: int, limits: Limits
) -> MediaFacts:
    context = stream.codec_context
    codec = context.name if context is not None else "unknown"
    if context is None or codec not in _DECODERS.split(","):
        raise Refused(RefusalCode.SOUND_NOT_TAKEN, detail=codec, codec=codec)
    if not stream.channels or not stream.sample_rate:
        raise Refused(RefusalCode.BROKEN, detail=f"{stream.channels} channels at {stream.sample_rate} Hz")
    if stream.sample_rate not in RATES:
        raise Refused(RefusalCode.IMPOSSIBLE, detail="sample rate", claim=f"{stream.sample_rate} Hz")
    if stream.channels > MOST_CHANNELS:
        raise Refused(RefusalCode.IMPOSSIBLE, detail="channels", claim=f"{stream.channels} channels")
    duration_ms = _believable_ms(container, kind, size, origin_us)
    if duration_ms > limits.max_duration_ms:
        raise too_long(limits)
    return MediaFacts(
        container=kind,
        duration_ms=duration_ms,
        audio_codec=codec,
        channels=stream.channels,
        sample_rate=stream.sample_rate,
        audio_tracks=len(container.streams.audio),
        has_video=any(_is_film(video) for video in container.streams.video),
        bit_rate=max(0, container.bit_rate or 0),
        size_bytes=size,
    )


def _is_film(stream: Stream) -> bool:
    return not stream.disposition & (Disposition.attached_pic | Disposition.still_image)


def _believable_ms(container: InputContainer, kind: Container, size: int, origin_us: int) -> int:
    duration_ms = max(0, (container.duration or 0) // 1000)
    if kind is Container.MATROSKA:  # counts from the clock's zero, not from the first packet
        duration_ms = max(0, duration_ms - max(0, origin_us // 1000))
    return duration_ms if size * 8 * 1000 >= duration_ms * _LEAST_BITS_PER_SECOND else 0


def too_long(limits: Limits) -> Refused:
    """The refusal of a recording beyond the limit, in whole hours where they are whole."""
    return Refused(RefusalCode.TOO_LONG, hours=f"{limits.max_duration_ms / 3_600_000:g}")

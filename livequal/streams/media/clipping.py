"""Cut clips out of our own rendition without encoding again. Runs in the child process."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from livequal.streams.media.refusals import RefusalCode, Refused
from livequal.streams.media.sinks import RENDITION_OPTIONS

_FRAME = 1024
"""Samples in one frame of AAC."""


def cut_clips(descriptor: int, stretches: list[tuple[int, int]], out_dir: Path) -> list[dict[str, object]]:
    """Write `clip-<index>.m4a` for each stretch (start_ms, end_ms); a stretch beyond the end gives an empty one.

    Raises: Refused when the file is not a rendition of ours.
    """
    options = {"fd": str(descriptor), "protocol_whitelist": "fd", "enable_drefs": "0", "codec_whitelist": "aac"}
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        with av.open("fd:", "r", format="mov", options=options) as source:
            stream = source.streams.audio[0]
            if stream.time_base != Fraction(1, stream.sample_rate):
                raise Refused(RefusalCode.BROKEN, detail=f"time base {stream.time_base}")
            return [
                _cut(source, stream, start_ms, end_ms, out_dir / f"clip-{index}.m4a")
                for index, (start_ms, end_ms) in enumerate(stretches)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise Refused(RefusalCode.BROKEN, detail=str(error)) from error


def _cut(source: InputContainer, stream: AudioStream, start_ms: int, end_ms: int, path: Path) -> dict[str, object]:
    rate = stream.sample_rate
    start, end = start_ms * rate // 1000, end_ms * rate // 1000
    packets = _packets(source, stream, start, end)
    if not packets:
        return {"name": "", "duration_ms": 0}
    with av.open(str(path), "w", format="mp4", container_options=RENDITION_OPTIONS) as clip:
        track = clip.add_stream_from_template(stream)
        for packet in packets:
            at = packet.pts or 0
            packet.duration = max(1, min(packet.duration or _FRAME, end - at))
            packet.pts = packet.dts = at - start
            packet.stream = track
            clip.mux(packet)
    return {"name": path.name, "duration_ms": (min(end, at + _FRAME) - start) * 1000 // rate}


def _packets(source: InputContainer, stream: AudioStream, start: int, end: int) -> list[av.Packet[AudioStream]]:
    """The coded frames that cover [start, end) in samples, and one before: AAC needs it to sound right at once."""
    source.seek(max(0, start - 4 * _FRAME), stream=stream)
    covering: list[av.Packet[AudioStream]] = []
    reaches = 0
    for packet in source.demux(stream):
        if packet.pts is None or not packet.size:
            continue
        if packet.pts >= end:
            break
        reaches = packet.pts + _FRAME
        if reaches <= start:
            covering = [packet]
        else:
            covering.append(packet)
    return covering if reaches > start else []

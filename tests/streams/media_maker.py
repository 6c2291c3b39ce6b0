"""Small media files made on the spot: any container that is taken, sound at known places, with or without a picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

KINDS: dict[str, tuple[str, str, str]] = {
    # name: muxer, sound codec, picture codec
    "mp4": ("mp4", "aac", "libx264"),
    "mov": ("mov", "pcm_s16le", "mpeg4"),
    "mkv": ("matroska", "libopus", "libx264"),
    "webm": ("webm", "libopus", "libvpx"),
    "flv": ("flv", "aac", "flv"),
    "ts": ("mpegts", "aac", "mpeg2video"),
    "avi": ("avi", "libmp3lame", "mpeg4"),
    "wmv": ("asf", "wmav2", "wmv2"),
    "wav": ("wav", "pcm_s16le", ""),
    "flac": ("flac", "flac", ""),
    "mp3": ("mp3", "libmp3lame", ""),
    "aac": ("adts", "aac", ""),
    "ogg": ("ogg", "libopus", ""),
}


def beeps(seconds: float, at: tuple[float, ...] = (), rate: int = 48_000, channels: int = 1) -> Any:
    """Silence with a 0.1 s tone at each place; without places a tone throughout. Rows are channels, values -1 … 1."""
    count = int(seconds * rate)
    tone = 0.5 * np.sin(2 * np.pi * 880 * np.arange(count) / rate)
    if at:
        heard = np.zeros(count)
        for place in at:
            heard[int(place * rate) : int((place + 0.1) * rate)] = 1.0
        tone = tone * heard
    return np.tile(tone, (channels, 1)).astype(np.float32)


def make(
    kind: str,
    sound: Any = None,
    *,
    rate: int = 48_000,
    layout: str = "",
    film: float = 0.0,
    moved: Callable[[float], float | None] = lambda at: at,
    codec: str = "",
    options: dict[str, str] | None = None,
) -> bytes:
    """The bytes of a file; `film` seconds of picture.

    `moved` maps the time of each coded frame to its timestamp, None drops the frame.
    """
    muxer, sound_codec, film_codec = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        with av.open(str(path), "w", format=muxer, container_options=options or {}) as container:
            packets = _film(container, film_codec, film) if film else []
            if sound is not None:
                layout = layout or {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[sound.shape[0]]
                packets = packets + _sound(container, codec or sound_codec, sound, rate, layout, moved)
            for packet in sorted(packets, key=_when):
                container.mux(packet)
        return path.read_bytes()


def _when(packet: Any) -> Fraction:
    return Fraction(packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base


def _film(container: Any, codec: str, seconds: float) -> list[Any]:
    stream = container.add_stream(codec, rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets = []
    for index in range(int(seconds * 10)):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index % 255, dtype=np.uint8), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 10)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _sound(
    container: Any, codec: str, sound: Any, rate: int, layout: str, moved: Callable[[float], float | None]
) -> Any:
    stream = container.add_stream(codec, rate=rate, layout=layout)
    stream.time_base = Fraction(1, rate)
    if not codec.startswith(("pcm", "flac")):
        stream.bit_rate = 96_000
    packets = []
    resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
    step = stream.frame_size if stream.codec_context.frame_size else 1024
    for start in range(0, sound.shape[1], step):
        piece = np.ascontiguousarray(sound[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(piece.T.reshape(1, -1).copy(), format="flt", layout=layout)
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for converted in resampler.resample(frame):
            packets += stream.encode(converted)
    packets += stream.encode(None)
    kept = []
    for packet in packets:
        at = moved(float(packet.pts * packet.time_base))
        if at is None:
            continue
        packet.pts = packet.dts = round(at / packet.time_base)
        kept.append(packet)
    return kept

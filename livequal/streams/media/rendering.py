"""One decoding pass over a hostile file, in the child process: sound onto the recording's own timeline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.resampler import AudioResampler

from livequal.streams.media.facts import Container, Limits
from livequal.streams.media.opening import RATES, Opened, open_media, too_long
from livequal.streams.media.placing import Stretches, Timeline
from livequal.streams.media.refusals import RefusalCode, Refused
from livequal.streams.media.sinks import Sinks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_MOST_FAILURES_IN_A_ROW = 200
"""A demuxer that fails this often without one packet in between has nothing more to give."""
_SEAMLESS = frozenset({Container.WAV, Container.FLAC, Container.MP3, Container.AAC, Container.OGG})
"""Nothing can be missing in these but what was damaged; nor in a live stream that is nothing but sound."""
_PROGRESS_EVERY_S = 0.5
_LIVE_GAP_US = 10 * 60 * 1_000_000
_INDEXED_GAP_US = 2 * 3600 * 1_000_000
"""FLV and TS clocks are reset by servers; an index is written by one program and believed for longer."""


def render_media(
    descriptor: int, kind: Container, out_dir: Path, limits: Limits, emit: Callable[[dict[str, object]], None]
) -> dict[str, object]:
    """Write the three derived files into `out_dir`; returns what Rendition says of them.

    Raises: Refused.
    """
    with open_media(descriptor, kind, limits) as opened:
        return _Pass(opened, out_dir, limits, emit).run()


class Complaints(logging.Handler):
    """Counts what the demuxer says of damage it stepped over without telling otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        logger = logging.getLogger("libav")
        logger.propagate = False
        logger.addHandler(self)
        av.logging.set_level(av.logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Errors count, and the warnings that speak of corruption."""
        self._count += record.levelno >= logging.ERROR or "corrupt" in record.getMessage()

    def taken(self) -> bool:
        """Whether there was any since the last call."""
        count, self._count = self._count, 0
        return count > 0


class _Pass:
    def __init__(
        self, opened: Opened, out_dir: Path, limits: Limits, emit: Callable[[dict[str, object]], None]
    ) -> None:
        live = opened.facts.container in (Container.FLV, Container.MPEGTS)
        self._opened, self._limits, self._emit = opened, limits, emit
        self._timeline = Timeline(opened.origin_us, _LIVE_GAP_US if live else _INDEXED_GAP_US)
        self._sinks = Sinks(out_dir, opened.facts.sample_rate)
        self._blocks = _Blocks(self._sinks)
        self._unreadable = Stretches()
        self._complaints = Complaints()
        self._base = (opened.stream.time_base or Fraction(1, 1_000_000)).as_integer_ratio()
        self._seamless = opened.facts.container in _SEAMLESS or (live and not opened.facts.has_video)
        self._damaged = False
        self._told_at = time.monotonic()
        self._waiting: av.AudioFrame | None = None

    def run(self) -> dict[str, object]:
        opened = self._opened
        for packet in self._packets():
            if packet.is_corrupt and opened.facts.container is not Container.WAV:  # there it only means cut off
                self._note_damage(packet)
            for frame in self._decode(packet):
                self._take(frame)
            self._tell(packet.pos)
        self._take(None)
        if not self._blocks.decoded:
            raise Refused(RefusalCode.NOTHING_DECODED)
        self._blocks.flush()
        duration_ms = self._sinks.close()
        gaps = [gap for gap in self._timeline.gaps if gap not in self._unreadable.found]
        return {
            "duration_ms": duration_ms,
            "unreadable": [stretch for stretch in self._unreadable.found if stretch[0] < duration_ms],
            "silent_gaps": gaps,
            "clock_jumps": self._timeline.clock_jumps,
            "missing_ms": self._missing_ms(duration_ms),
        }

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        """All packets of the sound track; a demuxer that stumbles is asked again."""
        failures = 0
        while failures < _MOST_FAILURES_IN_A_ROW:
            try:
                for packet in self._opened.container.demux(self._opened.stream):
                    failures = 0
                    yield packet
            except av.MemoryError as error:
                raise Refused(RefusalCode.TOO_MUCH_MEMORY, detail=str(error)) from error
            except av.EOFError:
                return
            except av.FFmpegError:
                failures += 1
                self._damaged = True
            else:
                return

    def _decode(self, packet: av.Packet[av.AudioStream]) -> list[av.AudioFrame]:
        try:
            return packet.decode()
        except av.MemoryError as error:
            raise Refused(RefusalCode.TOO_MUCH_MEMORY, detail=str(error)) from error
        except av.EOFError:
            return []
        except av.FFmpegError:
            if packet.has_sidedata("encryption_info"):
                raise Refused(RefusalCode.ENCRYPTED, detail="encryption_info") from None
            self._note_damage(packet)
            return []

    def _note_damage(self, packet: av.Packet[av.AudioStream]) -> None:
        self._damaged = True
        if packet.pts is None:
            start_us = self._timeline.position_us
        else:
            start_us = int(packet.pts * packet.time_base * 1_000_000) - self._timeline.origin_us
        if not 0 <= start_us <= self._limits.max_duration_ms * 1000:
            return
        length_us = int((packet.duration or 0) * packet.time_base * 1_000_000)
        self._unreadable.add(start_us // 1000, (start_us + max(20_000, min(length_us, 10_000_000))) // 1000)

    def _take(self, following: av.AudioFrame | None) -> None:
        """Write the frame that waited; the one after it tells whether its timestamp is to be believed."""
        if following is not None and (not following.samples or following.sample_rate not in RATES):
            return
        frame, self._waiting = self._waiting, following
        if frame is not None:
            self._write(frame, self._when_us(following) if following is not None else None)

    def _write(self, frame: av.AudioFrame, next_us: int | None) -> None:
        before_us = self._timeline.position_us
        placed = self._timeline.place(self._when_us(frame), frame.samples, frame.sample_rate, next_us)
        if self._timeline.position_us > self._limits.max_duration_ms * 1000:
            raise too_long(self._limits)
        if self._complaints.taken() or (self._seamless and before_us):
            self._damaged = True
        if placed.silence and self._damaged:
            self._unreadable.add(before_us // 1000, before_us // 1000 + placed.silence * 1000 // frame.sample_rate)
        self._damaged = False
        self._blocks.silence(placed.silence, frame.sample_rate, self._tell)
        self._blocks.add(frame, placed.skip)

    def _when_us(self, frame: av.AudioFrame) -> int | None:
        """The frame's own timestamp; None where it is counted in units of a rate the header lied about."""
        if frame.pts is None:
            return None
        if self._opened.facts.container is Container.FLAC and self._base != (1, frame.sample_rate):
            return None
        return frame.pts * 1_000_000 * self._base[0] // self._base[1]

    def _tell(self, byte_position: int | None = None) -> None:
        now = time.monotonic()
        if now - self._told_at < _PROGRESS_EVERY_S:
            return
        self._told_at = now
        done_ms = self._timeline.position_us // 1000
        total_ms = self._opened.facts.duration_ms
        if not total_ms and byte_position:
            total_ms = done_ms * self._opened.facts.size_bytes // byte_position
        self._emit({"kind": "progress", "done_ms": done_ms, "total_ms": max(total_ms, done_ms)})

    def _missing_ms(self, duration_ms: int) -> int:
        stream = self._opened.stream
        if not stream.duration or not stream.time_base or not self._opened.facts.duration_ms:
            return 0
        promised_ms = min(int(stream.duration * stream.time_base * 1000), self._opened.facts.duration_ms)
        missing_ms = promised_ms - duration_ms
        return missing_ms if missing_ms > max(500, promised_ms // 500) else 0


class _Blocks:
    """Gathers decoded frames into mono blocks of a second: larger steps cost less."""

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._waiting: list[Samples] = []
        self._held = 0
        self._rate = 0
        self._shape: tuple[str, str, int] = ("", "", 0)
        self._converter: AudioResampler | None = None
        self.decoded = 0

    def add(self, frame: av.AudioFrame, skip: int) -> None:
        """Take a decoded frame without its first `skip` samples."""
        self.decoded += frame.samples
        channels = self._channels(frame)[:, skip:]
        self._hold(channels, frame.sample_rate)

    def silence(self, samples: int, rate: int, tell: Callable[[], None]) -> None:
        """Take so many samples of nothing, however many they are."""
        while samples > 0:
            piece = min(samples, rate)
            self._hold(np.zeros((len(self._waiting[0]) if self._waiting else 1, piece), dtype=np.float32), rate)
            samples -= piece
            tell()

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            self._sinks.write(to_mono(np.concatenate(self._waiting, axis=1)), self._rate)
        self._waiting, self._held = [], 0

    def _hold(self, channels: Samples, rate: int) -> None:
        if rate != self._rate or (self._waiting and len(self._waiting[0]) != len(channels)):
            self.flush()
            self._rate = rate
        self._waiting.append(channels)
        self._held += channels.shape[1]
        if self._held >= rate:
            self.flush()

    def _channels(self, frame: av.AudioFrame) -> Samples:
        """The frame as float samples, one row or two (left and right)."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._shape, self._converter = shape, AudioResampler(format="fltp", layout=layout, rate=frame.sample_rate)
        if self._converter is not None:
            try:
                frame.pts = None
                rows = [converted.to_ndarray() for converted in self._converter.resample(frame)]
                return np.asarray(rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1), dtype=np.float32)
            except (av.FFmpegError, ValueError):
                self._converter = None
        return mixed_plainly(frame)


def mixed_plainly(frame: av.AudioFrame) -> Samples:
    """The mean of all channels, for layouts no standard names."""
    raw = frame.to_ndarray()
    rows = raw if frame.format.is_planar else raw.reshape(-1, frame.layout.nb_channels).T
    scaled = rows.astype(np.float32)
    if rows.dtype == np.uint8:
        scaled = scaled / 128.0 - 1.0
    elif rows.dtype.kind == "i":
        scaled = scaled / float(1 << (8 * rows.dtype.itemsize - 1))
    return np.asarray(scaled.mean(axis=0, keepdims=True), dtype=np.float32)


def to_mono(channels: Samples) -> Samples:
    """One channel that loses nothing: where left and right cancel each other, the louder one is taken."""
    clean = np.clip(np.nan_to_num(channels, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    if clean.shape[0] == 1:
        return np.ascontiguousarray(clean[0])
    middle = clean.mean(axis=0)
    energies = np.square(clean, dtype=np.float64).sum(axis=1)
    if np.square(middle, dtype=np.float64).sum() * 20 < energies.max():
        return np.ascontiguousarray(clean[int(energies.argmax())])
    return np.asarray(middle, dtype=np.float32)

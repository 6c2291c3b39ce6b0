"""What is written while a recording is decoded once: the rendition, the sound for recognition, the peaks.

Runs in the child process.
"""

from __future__ import annotations

import base64
import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

M4A, SPEECH, PEAKS = "rendition.m4a", "speech.flac", "peaks.json"
SPEECH_RATE = 16_000
PEAKS_PER_SECOND = 20
_PEAK_SAMPLES = SPEECH_RATE // PEAKS_PER_SECOND
_BIT_RATE = 64_000
RENDITION_OPTIONS = {"fflags": "+bitexact", "movflags": "+faststart"}
"""The same input gives the same bytes; the index comes first, so that a browser can seek at once."""


class Encoded:
    """One output file fed with mono samples of any rate."""

    def __init__(self, path: Path, container: str, codec: str, rate: int, sample_format: str, **options: str) -> None:
        muxing = RENDITION_OPTIONS if container == "mp4" else {"fflags": "+bitexact"}
        self._container = av.open(str(path), "w", format=container, container_options=muxing)
        self._stream = cast(AudioStream, self._container.add_stream(codec, rate=rate, layout="mono", options=options))
        if codec == "aac":
            self._stream.codec_context.bit_rate = _BIT_RATE
        self._format, self._rate = sample_format, rate
        self._resampler: AudioResampler | None = None
        self._source_rate = 0
        self._taken = 0
        self.samples = 0

    def write(self, samples: Samples, rate: int) -> list[NDArray[np.int16]]:
        """Encode a block; returns it as it was encoded when the format is 16 bit."""
        tail = self._flush_resampler() if rate != self._source_rate else []
        if self._resampler is None:
            self._resampler = AudioResampler(format=self._format, layout="mono", rate=self._rate)
            self._source_rate, self._taken = rate, 0
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.rate, frame.time_base, frame.pts = rate, Fraction(1, rate), self._taken
        self._taken += len(samples)
        return tail + self._encode(self._resampler.resample(frame))

    def close(self) -> list[NDArray[np.int16]]:
        """Finish the file; returns the last samples like `write`."""
        tail = self._flush_resampler()
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return tail

    def _flush_resampler(self) -> list[NDArray[np.int16]]:
        frames = self._resampler.resample(None) if self._resampler is not None else []
        self._resampler = None
        return self._encode([frame for frame in frames if frame is not None])

    def _encode(self, frames: list[av.AudioFrame]) -> list[NDArray[np.int16]]:
        raw: list[NDArray[np.int16]] = []
        for frame in frames:
            frame.pts, frame.time_base = self.samples, Fraction(1, self._rate)
            self.samples += frame.samples
            if self._format == "s16":
                raw.append(cast("NDArray[np.int16]", frame.to_ndarray()).reshape(-1))
            self._container.mux(self._stream.encode(frame))
        return raw


class Peaks:
    """The loudest sample of each twentieth of a second, as one byte 0-127."""

    def __init__(self) -> None:
        self._waiting: NDArray[np.int16] = np.zeros(0, dtype=np.int16)
        self._found = bytearray()

    def add(self, blocks: list[NDArray[np.int16]]) -> None:
        """Take the next 16 kHz samples."""
        joined = np.concatenate([self._waiting, *blocks])
        whole = len(joined) - len(joined) % _PEAK_SAMPLES
        self._note(joined[:whole])
        self._waiting = joined[whole:]

    def save(self, path: Path, duration_ms: int) -> None:
        """Write the file; the last, shorter piece counts too."""
        if len(self._waiting):
            self._note(np.pad(self._waiting, (0, _PEAK_SAMPLES - len(self._waiting))))
        content = {"version": 1, "per_second": PEAKS_PER_SECOND, "duration_ms": duration_ms}
        encoded = base64.b64encode(bytes(self._found)).decode("ascii")
        path.write_text(json.dumps({**content, "peaks": encoded}, separators=(",", ":")), encoding="ascii")

    def _note(self, samples: NDArray[np.int16]) -> None:
        rows = np.abs(samples.astype(np.int32)).reshape(-1, _PEAK_SAMPLES)
        self._found += np.minimum((rows.max(axis=1, initial=0) + 128) >> 8, 127).astype(np.uint8).tobytes()


class Sinks:
    """The three outputs of one pass."""

    def __init__(self, out_dir: Path, source_rate: int) -> None:
        self._dir = out_dir
        rate = 44_100 if source_rate % 11_025 == 0 else 48_000
        self._m4a = Encoded(out_dir / M4A, "mp4", "aac", rate, "fltp", aac_coder="fast", aac_tns="0")
        self._speech = Encoded(out_dir / SPEECH, "flac", "flac", SPEECH_RATE, "s16")
        self._peaks = Peaks()

    def write(self, samples: Samples, rate: int) -> None:
        """Take the next mono samples (-1 … 1) of the recording's timeline."""
        self._m4a.write(samples, rate)
        self._peaks.add(self._speech.write(samples, rate))

    def close(self) -> int:
        """Finish all three; returns the duration in ms."""
        self._m4a.close()
        self._peaks.add(self._speech.close())
        duration_ms = self._speech.samples * 1000 // SPEECH_RATE
        self._peaks.save(self._dir / PEAKS, duration_ms)
        return duration_ms

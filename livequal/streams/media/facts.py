"""What is asked of a media file and what is known of it afterwards. Stdlib only: the child imports this too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Container(StrEnum):
    """The containers that are taken; each is opened with its own demuxer and no other."""

    MP4 = "mp4"
    MATROSKA = "matroska"
    FLV = "flv"
    MPEGTS = "mpegts"
    AVI = "avi"
    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    AAC = "aac"
    OGG = "ogg"
    ASF = "asf"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may cost. The defaults fit a live session of a day on a small machine."""

    max_duration_ms: int = 24 * 3_600_000
    memory_bytes: int = 1 << 30
    probe_seconds: int = 30
    stall_seconds: int = 120
    """Seconds without any sign of progress after which the child is ended."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the header of a file says. It may lie: what was really there is in the Rendition."""

    container: Container
    duration_ms: int
    """0 when the file does not say, or says what its size makes impossible."""
    audio_codec: str
    channels: int
    sample_rate: int
    audio_tracks: int
    has_video: bool
    bit_rate: int
    """Bits per second over all tracks; 0 when unknown."""
    size_bytes: int


Stretch = tuple[int, int]
"""start_ms, end_ms"""


@dataclass(frozen=True, slots=True)
class Rendition:
    """What was derived from a recording, and how much of it could be read. All times are those of the original."""

    m4a: Path
    """Mono AAC, index first, for the browser."""
    speech: Path
    """FLAC, 16 kHz, mono, 16 bit, for recognition."""
    peaks: Path
    """JSON `{"version", "per_second", "duration_ms", "peaks"}`; peaks: base64 of one byte 0-127 each."""
    duration_ms: int
    unreadable: tuple[Stretch, ...]
    """Stretches that could not be decoded; they are silence in what was derived."""
    silent_gaps: tuple[Stretch, ...]
    """Stretches for which the file holds no sound at all; filled with silence so that times agree."""
    clock_jumps: int
    """How often the file's clock leapt so far that the leap was taken for an error and closed."""
    missing_ms: int
    """How much more the header promises than there is: the file breaks off. 0 when nothing is missing."""

    @property
    def unreadable_ms(self) -> int:
        """The length of all unreadable stretches together."""
        return sum(end - start for start, end in self.unreadable)

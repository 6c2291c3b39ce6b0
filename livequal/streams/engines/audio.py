"""Reading the sound that livequal itself derived: 16 kHz, mono, 16 bit, FLAC or WAV. Never hostile media."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines.errors import NotSpeech

Samples = NDArray[np.float32]
RATE = 16_000
SAMPLES_PER_MS = RATE // 1000

_FORMATS = {".flac": "flac", ".wav": "wav"}


def read_blocks(audio: Path, size: int) -> Iterator[Samples]:
    """The samples (-1 … 1) in blocks of `size`, the last one shorter; memory stays at one block.

    Raises: NotSpeech when the file is not what livequal derives.
    """
    waiting: list[Samples] = []
    held = 0
    for piece in _frames(audio):
        waiting.append(piece)
        held += len(piece)
        if held < size:
            continue
        joined = np.concatenate(waiting)
        whole = held - held % size
        for start in range(0, whole, size):
            yield joined[start : start + size]
        waiting, held = [joined[whole:]], held - whole
    if held:
        yield np.concatenate(waiting)


def read_stretches(audio: Path, stretches: list[tuple[int, int]]) -> Iterator[Samples]:
    """The samples of each stretch (first, past-the-last sample), which must be in order and may not overlap."""
    position, buffer = 0, np.zeros(0, dtype=np.float32)
    blocks = read_blocks(audio, RATE * 4)
    for first, last in stretches:
        parts: list[Samples] = []
        while position + len(buffer) < last:
            if position + len(buffer) > first:
                parts.append(buffer[max(0, first - position) :])
            position += len(buffer)
            block = next(blocks, None)
            if block is None:
                raise NotSpeech(_("The sound of this recording ends earlier than when it was first read."))
            buffer = block
        parts.append(buffer[max(0, first - position) : last - position])
        yield np.concatenate(parts)


def _frames(audio: Path) -> Iterator[Samples]:
    container_format = _FORMATS.get(audio.suffix.lower())
    if container_format is None:
        raise NotSpeech(_("Speech is recognised from FLAC or WAV (16 kHz, mono), not from %(name)s.", name=audio.name))
    try:
        with av.open(str(audio), format=container_format) as container:
            stream = container.streams.audio[0]
            if not stream.rate:
                raise NotSpeech(_("The sound of this recording can't be read: %(why)s", why=_("it is empty")))
            if stream.rate != RATE or stream.channels != 1:
                raise NotSpeech(_("Speech is recognised from 16 kHz mono sound; derive it from the recording first."))
            for frame in container.decode(stream):
                values = frame.to_ndarray().reshape(-1)
                if values.dtype != np.int16:
                    raise NotSpeech(_("Speech is recognised from 16-bit sound; derive it from the recording first."))
                yield values.astype(np.float32) / 32768.0
    except (av.FFmpegError, IndexError) as error:
        raise NotSpeech(_("The sound of this recording can't be read: %(why)s", why=str(error))) from error

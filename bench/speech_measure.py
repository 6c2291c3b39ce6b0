"""How wrong a Mandarin transcript is, and the sound that the speech benchmarks run on.

The character error rate compares what was said, not how it is written: width, traditional forms, punctuation, case,
Arabic or Chinese numerals and the homophones 他她它 make no difference.
"""

from __future__ import annotations

import json
import re
import unicodedata
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cn2an
import numpy as np

from livequal.streams.engines.audio import RATE, read_blocks
from livequal.streams.engines.text import simplify

if TYPE_CHECKING:
    from livequal.streams.engines.audio import Samples

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SPEECH = ROOT.parent / "shared" / "speech"
DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
LONGEST_NUMBER = 8

# In this order: each is another way to write or say the same thing.
SAME = (("百分之一百", "百分之百"), ("两", "二"), ("一百", "百"), ("一千", "千"), ("她", "他"), ("它", "他"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sound file and what is said in it."""

    sound: Path
    text: str
    group: str
    seconds: float


class NoSpeechData(SystemExit):
    """The folder with the clips is not there."""


def spoken_clips(folder: Path) -> list[Spoken]:
    """The clips of a manifest.jsonl with `file`, `text`, `set` and `seconds`, and the stream beside it."""
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise NoSpeechData(f"No speech to measure on in {folder}: pass --data DIR with manifest.jsonl and clips/.")
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    clips = [Spoken(folder / "clips" / row["file"], row["text"], row["set"], float(row["seconds"])) for row in rows]
    stream = json.loads((folder / "stream-dev.json").read_text(encoding="utf-8"))
    said = "".join(sentence["text"] for sentence in stream["sentences"])
    return [*clips, Spoken(folder / "stream-dev.flac", said, "stream-dev", float(stream["seconds"]))]


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Wrong, missing and extra characters per hundred said, over all (said, heard) pairs together."""
    wrong = said_in_all = 0
    for said, heard in pairs:
        reference, hypothesis = plain(said), plain(heard)
        wrong += distance(reference, hypothesis)
        said_in_all += len(reference)
    return 100 * wrong / said_in_all if said_in_all else 0.0


def plain(text: str) -> str:
    """The text as it is compared: simplified characters, Latin letters in lower case and nothing else."""
    text = simplify([unicodedata.normalize("NFKC", text)])[0].lower()
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(\d+(?:\.\d+)?)\s*%", lambda found: f"百分之{_in_words(found[1])}", text)
    text = re.sub(r"\d{4}(?=年)", lambda found: found[0].translate(DIGITS), text)
    text = re.sub(r"\d+(?:\.\d+)?", lambda found: _in_words(found[0]), text)
    text = "".join(c for c in text if "一" <= c <= "\u9fff" or (c.isascii() and c.isalnum()))
    for written, same in SAME:
        text = text.replace(written, same)
    return text


def distance(reference: str, hypothesis: str) -> int:
    """How many characters must be changed, added or dropped to make one text of the other."""
    codes = np.frombuffer(hypothesis.encode("utf-32-le"), dtype=np.uint32)
    places = np.arange(len(codes) + 1)
    row = places.copy()
    for letter in reference:
        changed = row[:-1] + (codes != ord(letter))
        best = np.concatenate([[row[0] + 1], np.minimum(changed, row[1:] + 1)])
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])


def samples_of(path: Path) -> Samples:
    """All samples of a short file."""
    return np.concatenate(list(read_blocks(path, RATE)))


def write_sound(path: Path, sounds: Iterable[Samples]) -> None:
    """Write 16 kHz mono 16-bit WAV, piece by piece."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for sound in sounds:
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def looped(clips: Sequence[Spoken], seconds: float) -> Iterator[Samples]:
    """The clips one after the other with half a second of near silence between, for `seconds` in all."""
    pause = (np.random.default_rng(1).standard_normal(RATE // 2) * 1e-4).astype(np.float32)
    left = round(seconds * RATE)
    while left > 0:
        for clip in clips:
            sound = np.concatenate([samples_of(clip.sound), pause])[:left]
            left -= len(sound)
            yield sound
            if left <= 0:
                return


def _in_words(number: str) -> str:
    if len(number) > LONGEST_NUMBER:
        return number.replace(".", "").translate(DIGITS)
    try:
        return str(cn2an.an2cn(number, "low"))
    except ValueError:
        return number.replace(".", "").translate(DIGITS)

"""What is derived from hostile media keeps the recording's own times; what is bad is refused with its own sentence."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from livequal.streams.media import (
    SENTENCES,
    Limits,
    MediaFailed,
    RefusalCode,
    Refused,
    RenderCancelled,
    Rendition,
    clip,
    clips,
    probe,
    render,
)

from .bad_files import BAD_FILES, SECRET, BadFile
from .media_maker import KINDS, beeps, make

TOLERANCE_S = 0.06
"""Codecs start up to 50 ms late by their nature; a player hears it so too."""


def heard_at(media: Path | bytes, tmp_path: Path) -> list[float]:
    """Where the tones begin, in seconds."""
    if isinstance(media, bytes):
        path = tmp_path / "heard.m4a"
        path.write_bytes(media)
        media = path
    with av.open(str(media)) as container:
        rate = container.streams.audio[0].rate
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    samples = np.concatenate(frames)
    level = 0.1 * (32_768 if samples.dtype == np.int16 else 1)
    loud = np.flatnonzero(np.abs(samples.astype(np.float64)) > level)
    starts = [index for before, index in zip([-rate, *loud[:-1]], loud, strict=True) if index - before > rate // 10]
    return [float(index) / rate for index in starts]


def rendered(content: bytes, tmp_path: Path, **options: Any) -> Rendition:
    """The rendition of a file with this content."""
    path = tmp_path / "upload"
    path.write_bytes(content)
    return render(path, tmp_path / "out", **options)


def outcome(bad: BadFile, folder: Path) -> Rendition | RefusalCode:
    """What comes of an upload: its rendition, or the code of its refusal."""
    folder.mkdir()
    path = folder / "upload"
    path.write_bytes(bad.content())
    try:
        if bad.refused not in (None, RefusalCode.NOTHING_DECODED):
            probe(path)
            pytest.fail(f"{bad.name} was taken")
        return render(path, folder / "out")
    except Refused as refused:
        return refused.code
    finally:
        path.unlink()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Rendition | RefusalCode, Path]]:
    """All bad files at once, two children at a time; names don't matter here, so equal contents are tried once."""
    chosen = {bad.content: bad for bad in BAD_FILES if not bad.heavy}
    folders = {content: tmp_path_factory.mktemp("bad") / "work" for content in chosen}
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(chosen, pool.map(outcome, chosen.values(), folders.values()), strict=True))
    return {bad.name: (results[bad.content], folders[bad.content]) for bad in BAD_FILES if not bad.heavy}


@pytest.mark.parametrize("bad", [bad for bad in BAD_FILES if not bad.heavy], ids=lambda bad: bad.name[:30])
def test_every_bad_file_is_refused_for_its_own_reason_or_taken_as_it_is(
    bad: BadFile, outcomes: dict[str, tuple[Rendition | RefusalCode, Path]]
) -> None:
    result, folder = outcomes[bad.name]
    if bad.refused is not None:
        assert result == bad.refused
        assert not [path for path in folder.rglob("*") if path.is_file()]
        return
    assert isinstance(result, Rendition), result
    assert not bad.duration_ms or abs(result.duration_ms - bad.duration_ms) <= 60
    assert bad.damaged == bool(result.unreadable or result.missing_ms)


def test_nothing_a_file_points_at_turns_up_anywhere(
    outcomes: dict[str, tuple[Rendition | RefusalCode, Path]],
) -> None:
    secret = Path(SECRET).read_bytes()[:40]
    for result, _folder in outcomes.values():
        if isinstance(result, Rendition):
            for path in (result.m4a, result.speech, result.peaks):
                assert secret not in path.read_bytes()


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_container_is_taken_and_keeps_its_times(kind: str, tmp_path: Path) -> None:
    film = 3.0 if KINDS[kind][2] else 0.0
    result = rendered(make(kind, beeps(3, (0.5, 2.0), channels=2), film=film), tmp_path)
    assert heard_at(result.speech, tmp_path) == pytest.approx([0.5, 2.0], abs=TOLERANCE_S)
    assert heard_at(result.m4a, tmp_path) == pytest.approx(heard_at(result.speech, tmp_path), abs=0.005)
    assert (result.unreadable, result.silent_gaps, result.clock_jumps, result.missing_ms) == ((), (), 0, 0)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "flv", "ts"])
def test_sound_that_starts_late_and_pauses_keeps_its_place_beside_the_picture(kind: str, tmp_path: Path) -> None:
    content = make(kind, beeps(4, (0.5, 2.5)), film=8, moved=lambda at: at + 1.5 if at < 2 else at + 4.5)
    result = rendered(content, tmp_path)
    assert heard_at(result.speech, tmp_path) == pytest.approx([2.0, 7.0], abs=TOLERANCE_S)
    assert [round(end - start, -2) for start, end in result.silent_gaps] == [1500, 3000]
    assert not result.unreadable


@pytest.mark.parametrize("kind", ["flv", "ts"])
def test_a_clock_that_is_reset_in_a_live_stream_goes_on_where_it_was(kind: str, tmp_path: Path) -> None:
    before = make(kind, beeps(2, (0.5,)), moved=lambda at: at + 500)
    after = make(kind, beeps(2, (0.5,)))
    result = rendered(before + (after[13:] if kind == "flv" else after), tmp_path)
    assert heard_at(result.speech, tmp_path) == pytest.approx([0.5, 2.55], abs=TOLERANCE_S)
    assert result.clock_jumps == 1


def test_channels_that_cancel_each_other_are_still_heard(tmp_path: Path) -> None:
    left = beeps(2, (0.5,))
    result = rendered(make("wav", np.concatenate([left, -left])), tmp_path)
    assert heard_at(result.speech, tmp_path) == pytest.approx([0.5], abs=0.01)


def test_the_rendition_is_mono_aac_with_its_index_first_and_peaks_that_follow_the_sound(tmp_path: Path) -> None:
    result = rendered(make("mp4", beeps(3, (1.0,)), film=3), tmp_path)
    content = result.m4a.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(result.m4a)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.channels, stream.rate) == ("aac", 1, 48_000)
        assert container.bit_rate <= 96_000
    with av.open(str(result.speech)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.channels, stream.rate, stream.format.name) == (
            "flac",
            1,
            16_000,
            "s16",
        )
    told = json.loads(result.peaks.read_text())
    peaks = base64.b64decode(told["peaks"])
    assert (told["version"], told["per_second"], told["duration_ms"]) == (1, 20, result.duration_ms)
    assert len(peaks) == -(-result.duration_ms * 20 // 1000)
    assert min(peaks[20:22]) > 50
    assert max(peaks[:19] + peaks[23:]) < 4


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    content = make("mkv", beeps(1))
    first, second = (rendered(content, tmp_path / name) for name in ("a", "b") if (tmp_path / name).mkdir() is None)
    assert first.m4a.read_bytes() == second.m4a.read_bytes()
    assert first.speech.read_bytes() == second.speech.read_bytes()


def test_clips_last_as_long_as_asked_and_begin_where_asked(tmp_path: Path) -> None:
    result = rendered(make("flac", beeps(6, (1.0, 2.5, 4.0))), tmp_path)
    first, second, beyond = clips(result.m4a, [(700, 3_100), (3_950, 9_000), (60_000, 61_000)])
    assert heard_at(first, tmp_path) == pytest.approx([0.3, 1.8], abs=0.01)
    assert heard_at(second, tmp_path) == pytest.approx([0.05], abs=0.01)
    assert beyond == b""
    path = tmp_path / "clip.m4a"
    path.write_bytes(first)
    with av.open(str(path)) as container:
        assert (container.duration or 0) / 1_000_000 == pytest.approx(2.4, abs=0.025)
    with pytest.raises(ValueError, match="after its start"):
        clip(result.m4a, 2_000, 2_000)


def test_progress_is_told_and_a_cancelled_render_leaves_nothing(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    content = make("aac", beeps(5)) * 200
    with pytest.raises(RenderCancelled):
        rendered(content, tmp_path, on_progress=lambda *at: seen.append(at), cancelled=lambda: len(seen) > 1)
    assert seen == sorted(seen)
    assert all(0 < done <= total for done, total in seen)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_beyond_the_limit_is_refused_with_the_limit_in_its_sentence(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(make("flac", beeps(8)))
    with pytest.raises(Refused, match=r"0\.001 hours") as refused:
        probe(path, limits=Limits(max_duration_ms=3_600))
    assert refused.value.code is RefusalCode.TOO_LONG
    lying = tmp_path / "lying"
    lying.write_bytes(make("aac", beeps(8)))
    with pytest.raises(Refused, match="longer than"):
        render(lying, tmp_path / "out", limits=Limits(max_duration_ms=6_000))


def test_a_child_without_enough_memory_refuses_the_file_and_not_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(make("mp4", beeps(1)))
    with pytest.raises((Refused, MediaFailed)):
        probe(path, limits=Limits(memory_bytes=48 << 20))


def test_a_child_that_says_nothing_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(make("wav", beeps(1)))
    started = time.monotonic()
    with pytest.raises(Refused) as refused:
        probe(path, limits=Limits(probe_seconds=0))
    assert refused.value.code is RefusalCode.TOO_SLOW
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["folder", "missing", "pipe", "device"])
def test_only_a_regular_file_is_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    path = Path("/dev/zero") if name == "device" else tmp_path / name
    with pytest.raises(Refused) as refused:
        probe(path)
    assert refused.value.code is RefusalCode.NOT_A_FILE


def test_the_calling_process_never_loads_a_decoder() -> None:
    code = "import sys, livequal.streams.media; sys.exit(bool({'av', 'numpy', 'flask'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_every_reason_has_one_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(RefusalCode)
    assert len(set(SENTENCES.values())) == len(RefusalCode)
    refused = Refused(RefusalCode.TOO_LONG, hours="24")
    assert refused.told(lambda msgid, **values: "译：" + msgid % values).startswith(
        "译：This recording is longer than 24"
    )


def test_a_child_that_computes_too_long_ends_with_a_signal_that_says_so() -> None:
    code = (
        "from livequal.streams.media.confine import limit_resources\n"
        "limit_resources(memory_bytes=1 << 30, cpu_seconds=1, file_bytes=0)\n"
        "while True: pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert ended.returncode == -signal.SIGXCPU


def test_the_confined_child_opens_no_other_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "beside").touch()
    code = (
        "import sys\nfrom pathlib import Path\nfrom livequal.streams.media.confine import allow_only\n"
        f"out = Path({str(out)!r})\n"
        "if not allow_only(out):\n    sys.exit(77)\n"
        "(out / 'a').write_text('x')\n"
        f"for path in ({SECRET!r}, {str(tmp_path / 'beside')!r}):\n"
        "    for mode in 'rw':\n"
        "        try:\n            open(path, mode)\n            sys.exit(1)\n"
        "        except PermissionError:\n            pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    if ended.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    assert ended.returncode == 0

"""Why a file is not taken, each reason with its own sentence. Stdlib only: the child process imports this too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from livequal.kernel.errors import DomainError


def N_(msgid: str) -> str:  # noqa: N802 - the name the extractor of translations looks for
    """Mark a sentence for translation without translating it here."""
    return msgid


class RefusalCode(StrEnum):
    """Stored with the recording; the meaning of a word never changes."""

    EMPTY = "empty"
    NOT_A_FILE = "not_a_file"
    TEXT = "text"
    PLAYLIST = "playlist"
    SUBTITLES = "subtitles"
    PICTURE = "picture"
    DOCUMENT = "document"
    UNKNOWN_KIND = "unknown_kind"
    FRAGMENT = "fragment"
    REFERS_ELSEWHERE = "refers_elsewhere"
    CUT_OFF = "cut_off"
    BROKEN = "broken"
    NO_SOUND = "no_sound"
    SOUND_NOT_TAKEN = "sound_not_taken"
    ENCRYPTED = "encrypted"
    IMPOSSIBLE = "impossible"
    TOO_LONG = "too_long"
    NOTHING_DECODED = "nothing_decoded"
    TOO_MUCH_MEMORY = "too_much_memory"
    TOO_SLOW = "too_slow"
    DECODER_DIED = "decoder_died"


SENTENCES: Mapping[RefusalCode, str] = {
    RefusalCode.EMPTY: N_("This file is empty. Export the recording again and upload the new file."),
    RefusalCode.NOT_A_FILE: N_("This file can't be read from the disk any more. Upload the recording again."),
    RefusalCode.TEXT: N_("This is a text file, whatever its name says. Upload the recording itself."),
    RefusalCode.PLAYLIST: N_(
        "This is a playlist that only points at other files or addresses, which are never followed. "
        "Download the whole recording and upload that."
    ),
    RefusalCode.SUBTITLES: N_(
        "This is a subtitle file. Upload the recording first, then import the subtitles on its page."
    ),
    RefusalCode.PICTURE: N_("This is a picture. Upload the recording with its sound."),
    RefusalCode.DOCUMENT: N_(
        "This is a document or an archive. Upload the recording itself; unpack the archive first if it is inside."
    ),
    RefusalCode.UNKNOWN_KIND: N_(
        "This kind of file is not taken. "
        "Upload MP4, MOV, MKV, WebM, FLV, TS, AVI, WAV, FLAC, MP3, AAC, OGG, WMV or WMA."
    ),
    RefusalCode.FRAGMENT: N_(
        "This is one piece of a streamed video without its beginning. "
        "Put the pieces together into one MP4 and upload that."
    ),
    RefusalCode.REFERS_ELSEWHERE: N_(
        "This film keeps its picture or sound in other files, which are never followed. "
        "Export it again as one self-contained MP4."
    ),
    RefusalCode.CUT_OFF: N_(
        "This file breaks off before its index, so it can't be opened: the recorder stopped or the copy was cut short. "
        "Copy it again, or repair it with the recording program and upload the result."
    ),
    RefusalCode.BROKEN: N_(
        "The beginning of this file is damaged, so it can't be opened. Export the recording again, as MP4 if you can."
    ),
    RefusalCode.NO_SOUND: N_(
        "This file has no sound track. What is said is judged here: upload the recording with its sound."
    ),
    RefusalCode.SOUND_NOT_TAKEN: N_(
        "The sound of this file is coded as %(codec)s, which is not taken. Export it again with AAC sound."
    ),
    RefusalCode.ENCRYPTED: N_(
        "This file is protected with a key (DRM). Export the recording without protection and upload that."
    ),
    RefusalCode.IMPOSSIBLE: N_(
        "The header of this file claims what can't be (%(claim)s). Export the recording again, as MP4 if you can."
    ),
    RefusalCode.TOO_LONG: N_("This recording is longer than %(hours)s hours. Cut it into parts and upload each."),
    RefusalCode.NOTHING_DECODED: N_(
        "Not one moment of the sound in this file can be decoded. Export the recording again, as MP4 if you can."
    ),
    RefusalCode.TOO_MUCH_MEMORY: N_(
        "Reading this file takes more memory than one recording may use. Export it again as MP4 with AAC sound."
    ),
    RefusalCode.TOO_SLOW: N_(
        "Reading this file takes far longer than it should. Export it again as MP4 with AAC sound, or try once more "
        "when the machine is less busy."
    ),
    RefusalCode.DECODER_DIED: N_(
        "The decoder could not survive this file, so it is not taken. Export the recording again as MP4 with AAC sound."
    ),
}


class Refused(DomainError):
    """This file is not taken. `detail` is for the log only; `values` fill the sentence's places."""

    status = 422

    def __init__(self, code: RefusalCode, detail: str = "", **values: str) -> None:
        self.code = code
        self.detail = detail
        self.values = values
        super().__init__(SENTENCES[code] % values)

    def told(self, gettext: Callable[..., str]) -> str:
        """The sentence in the reader's language; `gettext` takes a msgid and the values by name."""
        return gettext(SENTENCES[self.code], **self.values)


class RenderCancelled(Exception):
    """Somebody asked for the work to stop; nothing of it is left on the disk."""


class MediaFailed(Exception):
    """The machine failed, not the file (disk full, killed from outside): worth another try."""

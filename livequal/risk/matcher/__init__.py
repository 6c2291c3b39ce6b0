"""The risk matcher: text and product context in, flags with exact spans out. Knows no Flask and no database."""

from __future__ import annotations

from livequal.risk.matcher.engine import Matcher, compile_pack
from livequal.risk.matcher.model import (
    Evidence,
    EvidenceItem,
    EvidenceKind,
    EvidenceState,
    Flag,
    ProductContext,
    Rule,
    RulePack,
    Utterance,
    evidence_from,
)
from livequal.risk.matcher.pack import CUE, OVERLAY, PackError, load_pack, read_pack
from livequal.risk.matcher.reader import keep_reader, reader_files
from livequal.risk.matcher.session import Session

__all__ = [
    "CUE",
    "OVERLAY",
    "Evidence",
    "EvidenceItem",
    "EvidenceKind",
    "EvidenceState",
    "Flag",
    "Matcher",
    "PackError",
    "ProductContext",
    "Rule",
    "RulePack",
    "Session",
    "Utterance",
    "compile_pack",
    "evidence_from",
    "keep_reader",
    "load_pack",
    "read_pack",
    "reader_files",
]

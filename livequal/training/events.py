"""What other rooms may hear from training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExamPassed:
    """A learner passed a course's exam."""

    attempt_id: int
    user_id: int
    course_id: int


@dataclass(frozen=True, slots=True)
class ExamFailed:
    """A learner did not pass a course's exam this time."""

    attempt_id: int
    user_id: int
    course_id: int


@dataclass(frozen=True, slots=True)
class AssignmentRuleChanged:
    """A rule that assigns courses was added, switched off or on."""

    rule_id: int


@dataclass(frozen=True, slots=True)
class QuestionsChanged:
    """Questions got a materially new version; `question_version_ids` are the versions replaced."""

    question_version_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CertificateChanged:
    """A certificate was suspended, reinstated or revoked; `kind` says which, in the ledger's word."""

    certificate_id: int
    user_id: int
    kind: str

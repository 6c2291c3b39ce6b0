"""Settings, all from the environment: `LIVEQUAL_*` and `PORT`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class BadSetting(ValueError):
    """A setting of the environment can't be used; the message names it and says what is right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment's settings. Sizes in bytes, times in seconds.

    `production` is true where LIVEQUAL_ENV=production: secrets must then come from the environment.
    """

    var: Path
    database_url: str
    host: str
    port: int
    production: bool
    secret_key: str | None
    public_url: str
    speech: str
    model: str
    models_dir: Path
    speech_threads: int
    job_slots: int
    worker_nice: int
    web_threads: int
    max_recording_bytes: int
    upload_chunk_bytes: int
    smtp_url: str | None
    mail_from: str
    demo: bool
    backups_kept: int
    metrics_token: str | None
    proxies: int
    course_dirs: tuple[Path, ...] = ()

    @property
    def files_dir(self) -> Path:
        """Where recordings and what is derived from them lie."""
        return self.var / "files"

    @property
    def all_course_dirs(self) -> tuple[Path, ...]:
        """Where courses lie: the shipped ones, then the installation's own."""
        return (ROOT / "courses", *self.course_dirs)

    @property
    def secrets_dir(self) -> Path:
        """Where the embedded mode keeps its generated secrets (0600)."""
        return self.var / "secrets"


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises: BadSetting naming the variable.
    """
    env = os.environ if environ is None else environ
    var = Path(env.get("LIVEQUAL_VAR") or ROOT / "var").absolute()
    port = _integer(env, "PORT", 8000)
    host = env.get("LIVEQUAL_HOST", "127.0.0.1")
    return Settings(
        var=var,
        database_url=_database_url(env.get("LIVEQUAL_DATABASE_URL"), var),
        host=host,
        port=port,
        production=env.get("LIVEQUAL_ENV", "embedded") == "production",
        secret_key=env.get("LIVEQUAL_SECRET_KEY"),
        public_url=env.get("LIVEQUAL_PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        speech=_choice(env, "LIVEQUAL_SPEECH", ("faster_whisper", "openai_whisper", "sidecar")),
        model=env.get("LIVEQUAL_MODEL", "base"),
        models_dir=Path(env.get("LIVEQUAL_MODELS_DIR") or var / "models").absolute(),
        speech_threads=_integer(env, "LIVEQUAL_SPEECH_THREADS", min(os.cpu_count() or 1, 8)),
        job_slots=_integer(env, "LIVEQUAL_JOB_SLOTS", 2),
        worker_nice=_integer(env, "LIVEQUAL_WORKER_NICE", 10),
        web_threads=_integer(env, "LIVEQUAL_WEB_THREADS", 8),
        max_recording_bytes=_integer(env, "LIVEQUAL_MAX_RECORDING_MB", 20 * 1024) * 1024 * 1024,
        upload_chunk_bytes=_integer(env, "LIVEQUAL_UPLOAD_CHUNK_MB", 8) * 1024 * 1024,
        smtp_url=env.get("LIVEQUAL_SMTP_URL") or None,
        mail_from=env.get("LIVEQUAL_MAIL_FROM", "livequal@localhost"),
        demo=env.get("LIVEQUAL_DEMO", "1") not in {"0", "no", "false"},
        backups_kept=_integer(env, "LIVEQUAL_BACKUPS_KEPT", 5),
        metrics_token=env.get("LIVEQUAL_METRICS_TOKEN") or None,
        proxies=_integer(env, "LIVEQUAL_PROXIES", 0),
        course_dirs=_folders(env.get("LIVEQUAL_COURSE_DIRS", "")),
    )


def _database_url(url: str | None, var: Path) -> str:
    if not url:
        return f"sqlite:///{var / 'livequal.db'}"
    for plain in ("postgres://", "postgresql://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    if not url.startswith(("sqlite:", "postgresql+psycopg:")):
        raise BadSetting("LIVEQUAL_DATABASE_URL must start with sqlite: or postgresql:")
    return url


def _folders(text: str) -> tuple[Path, ...]:
    return tuple(Path(part).absolute() for part in text.split(os.pathsep) if part)


def _integer(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise BadSetting(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = env.get(name) or choices[0]
    if value not in choices:
        raise BadSetting(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value

"""The worker: claims jobs, runs them in threads, keeps their leases alive, and leaves in good order.

`flask worker` and `python -m livequal.worker` start one. APScheduler ticks; the jobs table is the truth.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from types import FrameType
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import OperationalError

from .config import Settings
from .jobs import service
from .jobs.rules import HEARTBEAT_S, Hopeless, NotYet, said
from .jobs.run import Run
from .jobs.service import CancelAsked, LeaseLost, WorkerLeaves
from .kernel import backup
from .kernel.clock import now
from .kernel.db import edge

TICK_S = 0.5
PERIODIC_S = 10
PATIENCE_S = 4.0
FORGOTTEN_AFTER = timedelta(days=1)
Function = Callable[[Run], None]
log = structlog.get_logger("worker")


class Worker:
    """One process's crew of job threads: `slots` for any job, and one more for all but the `long` ones.

    So long jobs may take every slot, and what is short still begins at once.
    """

    def __init__(
        self,
        app: Flask,
        functions: Mapping[str, Function],
        *,
        slots: int,
        periodic: Mapping[str, int] | None = None,
        long: frozenset[str] = frozenset(),
        name: str = "",
    ) -> None:
        self.app = app
        self.functions = functions
        self.periodic = periodic or {}
        self.slots = slots
        # The process id alone comes again after a restart: a dead worker's name must stay its own.
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        # By token too: this worker may claim its own expired job again while the earlier thread still ends.
        self._runs: dict[tuple[int, int], Run] = {}
        self._lock = threading.Lock()
        # What a slot passes over → how many such slots are free.
        self._free = {frozenset[str](): threading.BoundedSemaphore(slots)}
        if long:
            self._free[long] = threading.BoundedSemaphore(1)
        self._leaving = threading.Event()
        self._pool = ThreadPoolExecutor(slots + len(self._free) - 1, thread_name_prefix="job")
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})

    def start(self) -> None:
        """Begin to tick; returns at once."""
        every = self._scheduler.add_job
        every(self._guarded, "interval", (self.claim_free,), seconds=TICK_S, next_run_time=now())
        every(self._guarded, "interval", (self.beat,), seconds=HEARTBEAT_S, next_run_time=now())
        every(self._guarded, "interval", (self.queue_periodic,), seconds=PERIODIC_S, next_run_time=now())
        self._scheduler.start()
        log.info("worker started", worker=self.name, slots=self.slots)

    def leave(self, patience_s: float = PATIENCE_S) -> bool:
        """Stop claiming, ask the jobs to stop, give them back; answer whether every thread ended in time."""
        self._leaving.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        until = monotonic() + patience_s
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.end(WorkerLeaves)
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._runs and monotonic() < until:
            threading.Event().wait(0.02)
        with self._lock:
            stuck = list(self._runs.values())
        with self.app.app_context():
            for run in stuck:
                # Its thread can't be ended; what it still writes is refused, for the job is no longer its own.
                self._quietly(service.release, run)
        log.info("worker left", worker=self.name, stuck=len(stuck))
        return not stuck

    def claim_free(self) -> None:
        """Fill the free slots with due jobs."""
        for but, free in self._free.items():
            while not self._leaving.is_set() and free.acquire(blocking=False):
                run = None
                try:
                    run = self._claimed(but)
                    if run is None:
                        break
                    self._pool.submit(self._drain, run, but)
                finally:
                    if run is None:
                        free.release()

    def beat(self) -> None:
        """Prolong the leases of what runs, hear of cancellations, and say that this worker is alive."""
        with self._lock:
            runs = list(self._runs.values())
        with self.app.app_context():
            for run in runs:
                try:
                    with edge():
                        service.heartbeat(run.job_id, run.token)
                except (LeaseLost, CancelAsked) as reason:
                    run.end(type(reason))
            with edge():
                service.worker_seen(self.name, self.slots, {"pid": os.getpid(), "running": len(runs)})

    def queue_periodic(self) -> None:
        """Queue the periodic jobs whose time has come."""
        with self.app.app_context():
            for name, seconds in self.periodic.items():
                with edge():
                    service.enqueue_periodic(name, timedelta(seconds=seconds))
            with edge():
                service.forget_workers(now() - FORGOTTEN_AFTER)

    def _claimed(self, but: frozenset[str]) -> Run | None:
        with self.app.app_context():
            with edge(write=False):
                if not service.due(but):
                    return None
            with edge():
                job = service.claim(self.name, but)
                run = None if job is None else Run(job)
        if run is not None:
            with self._lock:
                self._runs[run.job_id, run.token] = run
            if self._leaving.is_set():
                run.end(WorkerLeaves)
        return run

    def _drain(self, run: Run | None, but: frozenset[str]) -> None:
        try:
            while run is not None:
                self._work(run)
                run = None if self._leaving.is_set() else self._claimed(but)
        except OperationalError as error:
            log.warning("database busy", error=type(error).__name__)
        finally:
            self._free[but].release()

    def _work(self, run: Run) -> None:
        facts = {"job": run.job_id, "name": run.name, "token": run.token}
        begun = monotonic()
        log.info("job begins", **facts)
        try:
            with self.app.app_context():
                outcome = self._outcome(run, facts)
        finally:
            with self._lock:
                self._runs.pop((run.job_id, run.token), None)
        log.info("job ends", **facts, outcome=outcome, seconds=round(monotonic() - begun, 2))

    def _outcome(self, run: Run, facts: Mapping[str, Any]) -> str:
        try:
            run.check()
            self._function(run.name)(run)
            if run.ended.is_set():
                # The function may have stopped half-way because it was asked to; jobs are idempotent.
                run.check()
            return self._quietly(service.finish, run) or "done"
        except LeaseLost:
            return "lost"
        except CancelAsked:
            return self._quietly(service.stop, run) or "cancelled"
        except WorkerLeaves:
            return self._quietly(service.release, run) or "released"
        except NotYet as error:
            why = said(error)
            return self._quietly(lambda job_id, token: service.postpone(job_id, token, why), run) or "postponed"
        except Hopeless as error:
            log.warning("job is hopeless", **facts, error=said(error))
            return self._failed(run, error, final=True)
        except Exception as error:
            # Whatever a job function raises is kept on its row and tried again: nothing is swallowed.
            log.error("job failed", **facts, error=type(error).__name__, exc_info=error)
            return self._failed(run, error, final=False)

    def _function(self, name: str) -> Function:
        try:
            return self.functions[name]
        except KeyError:
            raise Hopeless(f"There is no job named {name!r}.") from None

    @staticmethod
    def _failed(run: Run, error: Exception, *, final: bool) -> str:
        try:
            with edge():
                service.fail(run.job_id, run.token, said(error), final=final)
        except LeaseLost:
            return "lost"
        return "failed"

    @staticmethod
    def _quietly(end: Callable[[int, int], None], run: Run) -> str:
        """Write how the run ended; "lost" when the job is another worker's by now."""
        try:
            with edge():
                end(run.job_id, run.token)
        except LeaseLost:
            return "lost"
        return ""

    def _guarded(self, tick: Callable[[], None]) -> None:
        try:
            tick()
        except OperationalError as error:
            # The database is away or busy: the next tick tries again, and leases tell the rest.
            log.warning("database busy", tick=tick.__name__, error=type(error).__name__)


def serve(
    app: Flask,
    functions: Mapping[str, Function],
    periodic: Mapping[str, int],
    settings: Settings,
    *,
    long: frozenset[str] = frozenset(),
) -> None:
    """Work until SIGTERM or SIGINT, then leave within a few seconds. Must be called in the main thread."""
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    os.nice(settings.worker_nice)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    worker = Worker(app, functions, slots=settings.job_slots, periodic=periodic, long=long)
    with backup.running(settings):
        worker.start()
        asked.wait()
        ended = worker.leave()
    if not ended:
        # A thread inside foreign code can't be ended; its lease has been given back.
        os._exit(0)


def main() -> None:
    """Start a worker for the installation of this environment."""
    flow = importlib.import_module("livequal.flow")
    app: Flask = importlib.import_module("wsgi").app
    serve(
        app,
        flow.JOBS,
        flow.PERIODIC,
        importlib.import_module("livequal.kernel.installation").settings(),
        long=flow.LONG,
    )


if __name__ == "__main__":
    main()

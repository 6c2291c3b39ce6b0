"""Children of `flask serve`: forked from it, so that nothing is imported twice; watched; ended without leavings."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK_EVERY_S = 0.1
AGAIN_AFTER_S = 1.0
PATIENCE_S = 4.5
QUICK_DEATHS = 5
QUICK_S = 10.0


class KeepsDying(Exception):
    """A child ended again and again right after its start."""


@dataclass(slots=True)
class Child:
    """One process with a job for life. `deaths` counts quick ends in a row."""

    name: str
    work: Callable[[], None]
    pid: int = 0
    begun: float = 0.0
    due: float = 0.0
    deaths: int = 0


@dataclass(slots=True)
class Family:
    """Starts children, starts the ones that die again, ends all. The parent must have no threads."""

    children: list[Child]
    say: Callable[[str], None]
    asked: bool = field(default=False)

    def live(self, when_started: Callable[[], bool]) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP. `when_started` is called until it answers True.

        Raises: KeepsDying.
        """
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)
        try:
            for child in self.children:
                self._start(child)
            started = False
            while not self.asked:
                self._look_after()
                started = started or when_started()
                sleep(LOOK_EVERY_S)
        finally:
            self.end()

    def end(self) -> None:
        """Ask all children to leave, then make them; nothing stays behind."""
        self.asked = True
        for child in self.children:
            if child.pid:
                _signal(child.pid, signal.SIGTERM)
        until = monotonic() + PATIENCE_S
        while any(child.pid for child in self.children) and monotonic() < until:
            self._reap()
            sleep(0.02)
        for child in self.children:
            if child.pid:
                _signal_group(child.pid, signal.SIGKILL)
        # What a child left behind became ours: decoders in a session of their own, for instance.
        for _try in range(50):
            self._reap()
            left = _own_children()
            if not left:
                return
            for pid in left:
                _signal(pid, signal.SIGKILL)
            sleep(0.02)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True

    def _look_after(self) -> None:
        self._reap()
        for child in self.children:
            if not child.pid and monotonic() >= child.due and not self.asked:
                self._start(child)

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _become(child, parent)
        child.pid, child.begun = pid, monotonic()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self.children:
                if child.pid == pid:
                    self._died(child, status)

    def _died(self, child: Child, status: int) -> None:
        # Whatever it started goes with it: a decoder must not write on when the next worker does the job again.
        _signal_group(child.pid, signal.SIGKILL)
        quick = monotonic() - child.begun < QUICK_S
        child.pid, child.due, child.deaths = 0, monotonic() + AGAIN_AFTER_S, child.deaths + 1 if quick else 0
        if self.asked:
            return
        self.say(f"{child.name} ended ({_how(status)}); starting it again.")
        if child.deaths >= QUICK_DEATHS:
            raise KeepsDying(f"{child.name} ended {child.deaths} times right after its start.")


def _become(child: Child, parent: int) -> None:
    """The forked process's whole life."""
    code = 1
    try:
        os.setsid()
        _prctl(PR_SET_CHILD_SUBREAPER, 0)
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        child.work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _own_children() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


def _prctl(option: int, value: int) -> None:
    # Linux only; elsewhere a killed parent leaves its children to the person who killed it.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)

"""A mail server that keeps what it is given, or refuses it with the answer it was told to give."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a mail needs. `refusals` maps a command to the answer given instead of 250."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[str] = []
        self.recipients: list[str] = []
        self.refusals: dict[str, str] = {}

    @property
    def url(self) -> str:
        """What LIVEQUAL_SMTP_URL would say."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        """One connection."""
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            command = line.split(":")[0].split(" ")[0].upper()
            if command in self.server.refusals:
                self._say(self.server.refusals[command])
            elif command == "DATA":
                self._data()
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                if command == "RCPT":
                    self.server.recipients.append(line.partition("<")[2].rstrip(">"))
                self._say("250 ok")

    def _data(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.decode())
        self.server.mails.append("".join(lines))
        self._say("250 kept")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running one."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

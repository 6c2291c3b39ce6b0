from __future__ import annotations

import pytest

from livequal.notifications.rules import BadMailServer, MailServer, mail_server, one_line


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mx.example", MailServer("mx.example", 587)),
        ("smtp://mx.example:25", MailServer("mx.example", 25)),
        ("smtp://mx.example:587?starttls", MailServer("mx.example", 587, starttls=True)),
        ("smtps://a%40b:p%3Aw@mx.example", MailServer("mx.example", 465, "a@b", "p:w", wrapped=True)),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, server: MailServer) -> None:
    assert mail_server(url) == server


@pytest.mark.parametrize("url", ["mx.example", "http://mx.example", "smtp://", "smtp://mx.example:many"])
def test_another_url_is_refused_with_what_is_right(url: str) -> None:
    with pytest.raises(BadMailServer, match="LIVEQUAL_SMTP_URL"):
        mail_server(url)


def test_a_header_can_not_be_forged_by_line_breaks() -> None:
    assert one_line("Hello\r\nBcc: everybody@example\u2028x") == "Hello Bcc: everybody@example x"

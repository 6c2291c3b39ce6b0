"""`flask init`: the first administrator of a new installation."""

from __future__ import annotations

import sys

import click
from flask.cli import with_appcontext

from ..accounts import service
from ..kernel.db import edge
from ..kernel.errors import Invalid
from .ends import Failure, told


@click.command("init")
@click.option("--platform", help="The platform's name; asked for when not given.")
@click.option("--login", help="The administrator's login name; asked for when not given.")
@click.option("--name", default="", help="The administrator's own name, as others see it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking twice.")
@told
@with_appcontext
def init(platform: str | None, login: str | None, name: str, *, password_stdin: bool) -> None:
    """Found the platform and its first administrator. Refuses where there is one."""
    with edge(write=False):
        if service.platform() is not None:
            raise Failure("This installation has its platform and an administrator already.")
    platform = platform or click.prompt("Platform name", err=True)
    login = login or click.prompt("Administrator's login", err=True)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="The same once more", err=True)
    try:
        with edge():
            user = service.create_first_administrator(str(platform), str(login), str(password), name)
            login = user.login
    except Invalid as error:
        raise Failure("; ".join(f"{field}: {message}" for field, message in error.fields.items())) from error
    click.echo(f"{platform} is founded. Sign in as {login}.")


COMMANDS = (init,)

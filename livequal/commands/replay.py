"""`flask risk replay`: whether decided flags still come out as they were."""

from __future__ import annotations

import click

from ..kernel.db import edge
from .ends import Failure, on_terminal, told, write_line
from .risk import risk


@risk.command("replay")
@click.option("--all", "everything", is_flag=True, help="Every flag, not only those on which somebody decided.")
@told
def replay(*, everything: bool) -> None:
    """Read again what was read when a flag was raised, with its pack and its second reader, and compare.

    Names every flag whose place, words, category or severity come out otherwise, and then ends with exit code 1.
    """
    from sqlalchemy import select

    from ..review.tally import decided_flags
    from ..risk.models import FlagRow
    from ..risk.replay import replay as replayed

    count = differing = 0
    with edge(write=False):
        for one in replayed(select(FlagRow) if everything else decided_flags()):
            count += 1
            if one.same:
                continue
            differing += 1
            differences = {name: {"then": then, "now": again} for name, then, again in one.differences}
            write_line({"flag": one.flag_id, "rule": one.rule, "raised": one.raised, "differences": differences})
    if differing:
        raise Failure(f"{differing} of {count} flags come out otherwise than they were raised.")
    if on_terminal():
        click.echo(f"{count} flags, all identical.")
    else:
        write_line({"flags": count, "differing": 0})


# The command hangs in the group of livequal.commands.risk.
COMMANDS = ()

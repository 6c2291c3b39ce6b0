"""`flask risk`: measure the rules."""

from __future__ import annotations

from typing import TextIO

import click
from flask.cli import AppGroup

from .ends import Failure, told, write_line

risk = AppGroup("risk", help="Measure the rules.")


@risk.command("eval")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--format", "kind", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@click.option("--errors", type=click.IntRange(min=0), default=20, show_default=True, help="List so many errors.")
@told
def evaluate(file: TextIO, kind: str, errors: int) -> None:
    """Judge the labelled utterances in FILE (JSON Lines; - for standard input) with the rules in force.

    Prints recall and false alarms by origin, category and product category with 95 % Wilson intervals, how often the
    category was right, and the errors. A row needs text and risky, and labels where it is risky; product_category,
    origin and text_decidable are taken as given.
    """
    from ..risk import evaluation, service

    try:
        rows = evaluation.read_labelled(file)
    except UnicodeDecodeError as error:
        raise Failure(f"The file is not UTF-8 (byte {error.start}). Save it as UTF-8 and try again.") from error
    except ValueError as error:
        raise Failure(str(error)) from error
    if not rows:
        raise Failure("There is no row in this file.")
    report = evaluation.evaluate(service.matcher(), rows)
    wrong = evaluation.errors_in(report)
    if kind == "jsonl":
        for figure in evaluation.as_rows(report):
            write_line(figure)
        for name, one in wrong[:errors]:
            write_line(evaluation.error_row(name, one))
        return
    click.echo("\n".join(evaluation.as_table(report, details=True)))
    if wrong and errors:
        click.echo(f"\n{len(wrong)} errors" + (f", the first {errors}:" if len(wrong) > errors else ":"))
        click.echo("\n".join(evaluation.errors_of(report)[:errors]))


COMMANDS = (risk,)

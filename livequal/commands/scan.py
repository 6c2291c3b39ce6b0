"""`flask scan`: read lines of text with the rule pack."""

from __future__ import annotations

from typing import TextIO

import click

from ..taxonomy.rules import ProductCategory
from .ends import Failure, told, write_line


@click.command("scan")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option(
    "--product-category",
    type=click.Choice([category.value for category in ProductCategory]),
    default=ProductCategory.GENERAL.value,
    show_default=True,
    help="What is sold, for lines that do not say.",
)
@click.option("--stream", is_flag=True, help="The rows are one session: read across their borders.")
@told
def scan(file: TextIO, product_category: str, *, stream: bool) -> None:
    """Flag risky claims in FILE (- for standard input): text lines, or JSON Lines {"id","text","product_category"}.

    Writes one JSON line per row. Start and end count code points of the row's text.
    """
    from ..risk import service
    from ..risk.scan import BadLine, read_rows, scan_rows

    try:
        rows = read_rows(file, ProductCategory(product_category))
        for row in scan_rows(service.matcher(), rows, stream=stream):
            write_line(row)
    except BadLine as error:
        raise Failure(str(error)) from error
    except UnicodeDecodeError as error:
        raise Failure(f"The input is not UTF-8 (byte {error.start}). Save it as UTF-8 and try again.") from error


COMMANDS = (scan,)

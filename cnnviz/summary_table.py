"""A network's summary as a table of texts, to be saved as CSV or as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from cnnviz.network import Row, Summary
from cnnviz.network_text import format_layer
from cnnviz.shapes import times

HEADINGS = (
    "layer", "output", "parameters", "multiply-adds", "memory in bytes", "receptive field", "its stride", "its start",
)  # fmt: skip


def table_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """A line for each layer, then the totals. A receptive field that is not alike for all cells is said to vary."""
    for index, row in enumerate(summary.rows, 1):
        counts = str(row.parameters), str(row.macs), str(row.memory)
        yield f"{index} {format_layer(row.layer)}", times(row.output_shape), *counts, *_field(row)
    yield "total", "", str(summary.parameters), str(summary.macs), str(summary.memory), "", "", ""


def as_csv(summary: Summary) -> str:
    """The table as comma-separated values with a line of headings (RFC 4180)."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADINGS)
    writer.writerows(table_rows(summary))
    return file.getvalue()


def as_markdown(summary: Summary) -> str:
    """The table in GitHub's Markdown."""
    lines = [HEADINGS, ("---", "---", *["--:"] * 6), *table_rows(summary)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _field(row: Row) -> tuple[str, str, str]:
    if row.field is None:
        return "varies", "varies", "varies"
    return times(row.field.size), times(row.field.stride), ", ".join(map(str, row.field.start))

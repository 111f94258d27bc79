"""``sslvqa models list`` and ``sslvqa models show``."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from sslvqa.cli.options import TableOrJson
from sslvqa.cli.output import as_table, print_json, print_table

__all__ = ["list_", "show"]


def list_(
    *,
    format_: TableOrJson = None,
) -> None:
    """List the models that come with the package."""
    from sslvqa.hub import DEFAULT_MODEL, list_models, load_card

    cards = [load_card(model.name) for model in list_models()]
    rows = [
        {
            "name": card.name,
            "default": card.name == DEFAULT_MODEL,
            "kind": card.architecture.kind,
            "scale": f"{card.scale.label} {card.scale.minimum:g}..{card.scale.maximum:g}",
            "megabytes": round(sum(item.bytes for item in card.weights) / 1e6, 1),
            "licence": card.licence,
            "description": card.description,
        }
        for card in cards
    ]
    if as_table(format_):
        print_table(
            list(rows[0]) if rows else ["name"], [[str(value) for value in row.values()] for row in rows]
        )
    else:
        print_json({"schema": 1, "models": rows})


def show(
    model: Annotated[str, typer.Argument(help="Shipped name, default, or model directory.")] = "default",
    *,
    format_: Annotated[
        Literal["table", "json"],
        typer.Option("--format", "-f", help="table prints the card as TOML; json the same as JSON."),
    ] = "table",
) -> None:
    """Show what is known of a model: scale, training data, results, limits, licence."""
    from sslvqa.hub import load_card
    from sslvqa.hub.toml import dump_toml

    card = load_card(model)
    if format_ == "table":
        sys.stdout.write(dump_toml(card.model_dump(mode="json")))
    else:
        print_json(card.model_dump(mode="json"))

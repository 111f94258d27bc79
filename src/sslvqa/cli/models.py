"""``sslvqa models list`` and ``sslvqa models show``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sslvqa.cli.output import Format, choose_format, print_json, print_table

__all__ = ["list_", "show"]


def list_(
    *,
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: table on a terminal, else ndjson.")
    ] = None,
) -> None:
    """List the models that come with the package."""
    import json

    from sslvqa.hub import DEFAULT_MODEL, list_models, load_card

    kind = choose_format(format_, None)
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
    if kind is Format.TABLE:
        print_table(
            list(rows[0]) if rows else ["name"], [[str(value) for value in row.values()] for row in rows]
        )
    elif kind is Format.JSON:
        print_json({"schema": 1, "models": rows})
    else:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def show(
    model: Annotated[str, typer.Argument(help="Shipped name, default, or model directory.")] = "default",
    *,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="table prints the card as TOML; json the same as JSON.")
    ] = Format.TABLE,
) -> None:
    """Show what is known of a model: scale, training data, results, limits, licence."""
    from sslvqa.errors import ConfigError
    from sslvqa.hub import load_card
    from sslvqa.hub.toml import dump_toml

    card = load_card(model)
    if format_ is Format.TABLE:
        sys.stdout.write(dump_toml(card.model_dump(mode="json")))
    elif format_ is Format.JSON:
        print_json(card.model_dump(mode="json"))
    else:
        raise ConfigError(f"--format is {format_.value}; a card can be shown as table or json")

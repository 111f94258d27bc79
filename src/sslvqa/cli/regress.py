"""``sslvqa regress``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.checks import check_folder
from sslvqa.cli.options import TableOrJson
from sslvqa.cli.output import as_table, note, print_json, print_table
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.evaluate import SplitResult

__all__ = ["regress"]


def regress(
    features: Annotated[
        Path, typer.Argument(help="A row of features for each video: .mat with one matrix, .npy or .csv.")
    ],
    scores: Annotated[
        Path, typer.Argument(help="CSV in the same order: the name first, and a column score or mos.")
    ],
    *,
    splits: Annotated[int, typer.Option(help="Number of random 80/20 splits.")] = 100,
    score_column: Annotated[
        str | None, typer.Option(help="Name of the score column.", show_default="score, mos ...")
    ] = None,
    content_column: Annotated[
        str | None, typer.Option(help="Keep equal values on one side.", show_default="content, if there")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV of every split; those it has are not computed again.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes, one thread each.")] = 1,
    format_: TableOrJson = None,
) -> None:
    """Test features against human scores: support vector regression, median over random splits.

    The protocol and the splits are those of the published numbers of classical methods (docs/databases.md).
    """
    from sslvqa.data.features import read_feature_matrix, read_score_table
    from sslvqa.evaluate import append_result, data_hash, read_results, regress_splits

    if splits < 1:
        raise ConfigError(f"--splits is {splits}; give 1 or more")
    if out is not None:
        check_folder("--out", out)
    matrix = read_feature_matrix(features)
    table = read_score_table(scores, score_column=score_column, content_column=content_column)
    data = data_hash(matrix, table.scores, table.contents)
    done = {} if out is None else read_results(out, data=data)
    todo = [number for number in range(1, splits + 1) if number not in done]
    for result in regress_splits(
        matrix, table.scores, splits=todo, names=table.names, contents=table.contents, workers=workers
    ):
        done[result.split] = result
        if out is not None:
            append_result(out, result, data=data)
        note(f"split {result.split}: SROCC {result.measures['srocc']:.4f}")
    results = [done[number] for number in range(1, splits + 1)]
    source = {"features": str(features), "scores": str(scores), "data_sha256": data}
    _report(results, source, tabular=as_table(format_))


def _report(results: list[SplitResult], source: dict[str, str], *, tabular: bool) -> None:
    from sslvqa.evaluate import MEASURES, median_results, splits_hash

    medians = median_results(results)
    if tabular:
        print_table(
            ("splits", "train", "test", *MEASURES),
            [
                [
                    *map(str, (len(results), results[0].train, results[0].test)),
                    *(f"{medians[name]:.4f}" for name in MEASURES),
                ]
            ],
        )
        note(f"medians over the splits, whose test parts have the hash {splits_hash(results)[:12]}")
        note("the logistic fit is made on the test part, as published tables do")
        return
    print_json(
        {
            "schema": 1,
            **source,
            "splits": len(results),
            "splits_sha256": splits_hash(results),
            "train": results[0].train,
            "test": results[0].test,
            "medians": {name: _number(value) for name, value in medians.items()},
        }
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None

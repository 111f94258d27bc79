"""``sslvqa bench``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.options import Clips, Model, TableOrJson
from sslvqa.cli.output import as_table, note, print_json, print_table

if TYPE_CHECKING:
    from sslvqa.bench import BenchReport

__all__ = ["bench"]


def bench(
    file: Annotated[Path, typer.Argument(help="A video; its decoding is the floor of the reading.")],
    *,
    model: Model = "default",
    architecture: Annotated[
        str | None,
        typer.Option(help="Time swin_t, mobile or nano with random weights.", show_default="the model's"),
    ] = None,
    clips: Clips = None,
    runs: Annotated[int, typer.Option(help="Timed runs of each part, after one that is not timed.")] = 3,
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads of every part.", show_default="the cores, at most 8", min=1),
    ] = None,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference/--no-reference",
            help="Also time the straightforward PyTorch pipeline: slow, and all frames are held as RGB.",
        ),
    ] = True,
    format_: TableOrJson = None,
) -> None:
    """Time scoring by stage, beside the floors of this machine and the straightforward pipeline.

    Ratios within one run are what holds; keep the machine idle meanwhile.
    """
    from sslvqa.bench import Job, benchmark

    job = Job(
        str(file),
        model=model,
        architecture=architecture,
        clips=clips,
        threads=threads or min(os.cpu_count() or 1, 8),
        runs=runs,
    )
    report = benchmark(job, reference=reference, progress=note)
    if as_table(format_):
        _print_report(report)
    else:
        print_json(report.to_dict())


def _print_report(report: BenchReport) -> None:
    machine, model, video = report.machine, report.model, report.video
    packages = ", ".join(f"{name} {found}" for name, found in machine.packages.items())
    versions = f"sslvqa {machine.sslvqa}, Python {machine.python}, {packages}"
    size = (
        f"{video.width_px}x{video.height_px} px, {video.frame_count} frames, {video.duration_seconds:.2f} s"
    )
    weights = "random weights: scores mean nothing" if model.random_weights else "trained weights"
    load = "unknown" if machine.load_average is None else f"{machine.load_average:.2f}"
    facts = {
        "machine": f"{machine.processor}, {machine.cores} cores, {machine.system}; load before {load}",
        "versions": f"{versions}; {machine.ffmpeg or 'no ffmpeg'}",
        "video": f"{Path(video.path).name}: {size}, {video.codec}",
        "model": f"{model.name} ({weights}), {model.views} views of {model.gflop_per_view:.1f} GFLOP",
        "settings": f"{report.threads} threads, median of {report.runs} runs",
    }
    for name, value in facts.items():
        typer.echo(f"{name:9} {value}")
    _print_floors(report)
    _print_pipelines(report)


def _print_floors(report: BenchReport) -> None:
    rows = [
        [f"arithmetic at the {kind} peak", f"{peak:.0f} GFLOP/s", _ms(report.forward_floor_seconds(kind))]
        for kind, peak in report.peaks.items()
    ]
    frames, command = report.decode.frames, report.decode.ffmpeg_seconds
    floors = {"PyAV": report.decode.pyav_seconds, "ffmpeg command": command}
    rows += [
        [f"decoding every frame, {name}", f"{frames / seconds:.0f} frames/s", _ms(seconds)]
        for name, seconds in floors.items()
        if seconds is not None
    ]
    print_table(["floor of one score", "rate", "ms"], rows)


def _print_pipelines(report: BenchReport) -> None:
    stages = ("probe", "decode", "cut", "forward", "rest", "total")
    rows = []
    for item in report.pipelines:
        times = item.stages.to_dict()
        rows.append([item.name, *(_ms(times[f"{stage}_seconds"]) for stage in stages)])
    print_table(["one score, ms", *stages], rows)
    ratios = [report.ratios(item) for item in report.pipelines]
    print_table(
        [
            *("ratios", "read / PyAV decode", "read / ffmpeg decode", "forward / floor", "forward faster"),
            *("score faster", "largest difference", "peak MB", "start s"),
        ],
        [
            [
                item.name,
                *(_ratio(found[key]) for key in list(found)[:-1]),
                "" if found["largest_difference"] is None else f"{found['largest_difference']:.1e}",
                f"{item.peak_rss_bytes / 1e6:.0f}",
                f"{item.start_seconds:.1f}",
            ]
            for item, found in zip(report.pipelines, ratios, strict=True)
        ],
    )


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

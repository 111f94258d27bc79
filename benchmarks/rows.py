"""Numbers of a benchmark that survive an interruption."""

from __future__ import annotations

import json
import re
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Rows:
    """The numbers of one part, written after each."""

    path: Path
    ends_at: float
    """On the monotonic clock: nothing begins later."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    wanted: str = ""
    """Regular expression of the rows to measure."""

    @classmethod
    def open(cls, path: Path, ends_at: float, *, wanted: str = "") -> Rows:
        return cls(path, ends_at, json.loads(path.read_text()) if path.exists() else {}, wanted)

    def add(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Measure one row unless it is there, or time is over; what was raised is a row too."""
        if "error" not in self.rows.get(name, {"error": ""}):
            return self.rows[name]
        if not re.search(self.wanted, name):
            return {}
        if time.monotonic() > self.ends_at:
            print(f"{self.path.stem:8} {name:32} left out: time is over", flush=True)
            return {}
        began = time.monotonic()
        try:
            row = measure()
        except Exception as error:  # the other rows count
            traceback.print_exc()
            row = {"error": f"{type(error).__name__}: {error}"[:400]}
        row["measured_seconds"] = time.monotonic() - began
        self.rows[name] = row
        scratch = self.path.with_suffix(".part")
        scratch.write_text(json.dumps(self.rows, indent=1))
        scratch.replace(self.path)
        told = {
            key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()
        }
        print(f"{self.path.stem:8} {name:32} {told}", flush=True)
        return row

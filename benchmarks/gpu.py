"""What one GPU does: products, forward passes, training steps, decoding beside it, and files from end to end.

    python benchmarks/gpu.py --out DIR                        # all parts, at most nine minutes
    python benchmarks/gpu.py --out DIR --parts peak forward   # some
    python benchmarks/gpu.py --out DIR --rows 'nano|bf16'     # only rows of these names
    python benchmarks/gpu.py --out DIR --rehearse             # seconds on a CPU, numbers without meaning

Every number is in DIR/PART.json as soon as it is measured, and what is there is not measured again: after an
interruption the same command goes on. A part that fails leaves the reason beside its numbers.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from rows import Rows

PARTS = ("peak", "forward", "kernels", "layout", "decode", "train", "files", "nvdec")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for PART.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rows", default="", help="regular expression of the rows to measure")
    parser.add_argument("--minutes", type=float, default=8.5, help="nothing begins later")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="tiny sizes on the CPU, nothing compiled")
    options = parser.parse_args()
    ends_at = time.monotonic() + 60 * options.minutes
    options.out.mkdir(parents=True, exist_ok=True)
    if options.rehearse:
        os.environ["TORCH_COMPILE_DISABLE"] = "1"
    import gpu_parts

    sizes = gpu_parts.REHEARSAL if options.rehearse else gpu_parts.Sizes(device=options.device)
    Rows.open(options.out / "machine.json", ends_at).add("machine", lambda: machine(sizes.device))
    for name in options.parts:
        rows = Rows.open(options.out / f"{name}.json", ends_at, wanted=options.rows)
        getattr(gpu_parts, name)(rows, sizes)
    return 0


def machine(device: str) -> dict[str, Any]:
    import torch

    import sslvqa

    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "sslvqa": sslvqa.__version__,
    }


if __name__ == "__main__":
    sys.exit(main())

"""Which videos: tables, splits, and what training reads from them."""

from sslvqa.data.manifest import Manifest, ManifestRow, read_manifest, scan_videos, write_manifest
from sslvqa.data.splits import ContentSplit, hold_out, split_by_content

__all__ = [
    "ContentSplit",
    "Manifest",
    "ManifestRow",
    "hold_out",
    "read_manifest",
    "scan_videos",
    "split_by_content",
    "write_manifest",
]

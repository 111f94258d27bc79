"""Where the views of a run come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.data.resident import DeviceFrames
from sslvqa.video.cache import FrameCache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from torch import Tensor

    from sslvqa.data.resident import HeldVideo
    from sslvqa.sampling import ViewGeometry
    from sslvqa.train.config import RuntimeConfig
    from sslvqa.video import RawGeometry

__all__ = ["Footage"]


class Footage:
    """Where the views of a run come from: files, or the memory of its device.

    Args:
        files: All videos of the run's datasets, headerless ones with their geometry.
        geometry: Shape of the views.
        runtime: Says which of the two it is, and names the cache of decoded frames.
        device: Of the run.

    Raises:
        ConfigError: The frames take more memory than the settings allow.
    """

    def __init__(
        self,
        files: Mapping[Path, RawGeometry | None],
        *,
        geometry: ViewGeometry,
        runtime: RuntimeConfig,
        device: torch.device,
    ) -> None:
        self.device = device
        self.cache = _frame_cache(runtime)
        self.held: Mapping[Path, HeldVideo] | None = None
        self._frames: DeviceFrames | None = None
        if runtime.device_gigabytes is not None:
            self._frames, self.held = DeviceFrames.read(
                files,
                geometry=geometry,
                device=device,
                max_bytes=int(1e9 * runtime.device_gigabytes),
                cache=self.cache,
            )

    def __call__(self, views: Tensor) -> Tensor:
        """The views of items, uint8 on the device of the run."""
        if self._frames is not None:
            return self._frames.views(views)
        return views.to(self.device, non_blocking=True)


def _frame_cache(runtime: RuntimeConfig) -> FrameCache | None:
    """The cache of decoded frames that a run asks for, if it does."""
    if runtime.cache is None:
        return None
    return FrameCache(runtime.cache, max_bytes=int(1e9 * runtime.cache_gigabytes))

"""Every exception that sslvqa raises on purpose.

Each message says what was given, what is allowed and what to do. The tree::

    SslvqaError
    ├── VideoError (OSError)             one video file cannot be used
    │   ├── VideoNotFoundError (FileNotFoundError)
    │   ├── UnreadableVideoError         empty, not a video, audio only, encrypted, no frame decodes
    │   └── VideoLimitError              larger, longer or slower than the limits allow
    ├── ManifestError (ValueError)       a ratings table is malformed; carries file and line
    ├── DataError (ValueError)           well-formed data that cannot serve (too few labels, constant scores)
    ├── ConfigError (ValueError)         a setting is unknown or out of range
    ├── ModelError (ValueError)
    │   ├── UnknownModelError            no model of that name or directory
    │   └── WeightsError                 weights do not fit the architecture, or a checksum differs
    ├── WorkerLostError (RuntimeError)   a process that scores ended: killed, out of memory, crashed
    └── MissingExtraError (ImportError)  an optional dependency is needed; the message holds the pip line
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "ManifestError",
    "MissingExtraError",
    "ModelError",
    "SslvqaError",
    "UnknownModelError",
    "UnreadableVideoError",
    "VideoError",
    "VideoLimitError",
    "VideoNotFoundError",
    "WeightsError",
    "WorkerLostError",
]


class SslvqaError(Exception):
    """Base of all exceptions of this package."""


class VideoError(SslvqaError, OSError):
    """One video cannot be used; the message names the file and the cause."""


class VideoNotFoundError(VideoError, FileNotFoundError):
    """The file does not exist."""


class UnreadableVideoError(VideoError):
    """The file holds no video that can be decoded."""


class VideoLimitError(VideoError):
    """The video exceeds a limit on size, length, resolution or decoding time."""


class ManifestError(SslvqaError, ValueError):
    """A table of videos is malformed; the message starts with ``file:line:``."""


class DataError(SslvqaError, ValueError):
    """Well-formed data cannot serve the purpose (too few labels, constant scores)."""


class ConfigError(SslvqaError, ValueError):
    """A setting is unknown or out of range."""


class ModelError(SslvqaError, ValueError):
    """A model cannot be used."""


class UnknownModelError(ModelError):
    """There is no model of that name or in that directory."""


class WeightsError(ModelError):
    """Weights do not fit the architecture, or their checksum differs from the card's."""


class WorkerLostError(SslvqaError, RuntimeError):
    """A process that scores files ended before it was done."""


class MissingExtraError(SslvqaError, ImportError):
    """An optional dependency is needed; the message holds the ``pip install`` line."""

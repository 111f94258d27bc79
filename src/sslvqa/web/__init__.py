"""The page and the HTTP service: drop videos in a browser, see what they score and why."""

from sslvqa.web.settings import LOOPBACK, ServeSettings

__all__ = ["LOOPBACK", "ServeSettings"]

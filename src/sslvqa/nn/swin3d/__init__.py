"""Video Swin Transformer with gated relative position bias."""

from sslvqa.nn.swin3d.model import SwinBackbone, SwinConfig

__all__ = ["SwinBackbone", "SwinConfig"]

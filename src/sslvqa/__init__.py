"""No-reference video quality assessment from few human ratings."""

__version__ = "0.1.0"

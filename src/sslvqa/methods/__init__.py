"""How models learn: one optimisation step each, same small protocol."""

from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, keep_local
from sslvqa.methods.ssl_vqa import SslVqa
from sslvqa.methods.stvqrl import StVqrl

__all__ = ["Batch", "Compute", "Gather", "Method", "SslVqa", "StVqrl", "StepOutput", "keep_local"]

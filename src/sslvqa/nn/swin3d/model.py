"""Video Swin Transformer with gated relative position bias: a view in, a map of tokens out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sslvqa.errors import ConfigError, DataError
from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.swin3d.patches import PatchEmbed
from sslvqa.nn.swin3d.window import GateKind, Triple, WindowPlan, plan_windows

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["SwinBackbone", "SwinConfig"]


@dataclass(frozen=True, slots=True)
class SwinConfig:
    """Size and kind of the backbone; the defaults are Video Swin-T with the released gate.

    Raises:
        ConfigError: If ``depths`` and ``heads`` differ in length, a width is not a multiple of its heads,
            a rate is outside [0, 1), or a gated stage does not exist.
    """

    embed_dim: int = 96
    """Channels after the patch embedding; doubled by every stage but the first."""
    depths: tuple[int, ...] = (2, 2, 6, 2)
    """Blocks of each stage; every second block shifts its windows."""
    heads: tuple[int, ...] = (3, 6, 12, 24)
    """Attention heads of each stage."""
    window: Triple = (8, 7, 7)
    """Window in tokens (time, height, width)."""
    patch: Triple = (2, 4, 4)
    """Pixels of one first-stage token (frames, height, width)."""
    bands: int = 0
    """Filters of the band embedding (ours), see :class:`PatchEmbed`; 0 for the linear one of the paper."""
    skip: bool = False
    """Whether an output token also has mean and deviation of its patches' log band energies (ours)."""
    mlp_ratio: float = 4.0
    """Hidden width of the MLPs over their input width."""
    drop_path: float = 0.1
    """Stochastic depth of the last block; grows linearly from 0 at the first one."""
    gate: GateKind = "distance"
    """``distance``: Manhattan distance of fragments (released); ``binary``: 1 where they differ (paper);
    ``none``: no second bias table."""
    gated_stages: tuple[int, ...] = (0, 1, 2)
    """Stages with a gate, counted from 0."""
    fragments: int = 7
    """Fragments of a view along height and along width."""

    def __post_init__(self) -> None:
        """Check the values against each other."""
        if not self.depths or len(self.depths) != len(self.heads):
            raise ConfigError(f"depths={self.depths} and heads={self.heads} need one entry per stage each")
        if bad := [h for i, h in enumerate(self.heads) if (self.embed_dim << i) % h]:
            raise ConfigError(
                f"heads {bad} do not divide their stage's width (embed_dim={self.embed_dim}, doubling)"
            )
        if self.bands < 0:
            raise ConfigError(
                f"bands is {self.bands}; expected 0 for a linear embedding, or a number of filters"
            )
        if self.skip and not self.bands:
            raise ConfigError("skip is on, but bands is 0; only a band embedding has energies to hand on")
        if not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path is {self.drop_path}; it must lie in [0, 1)")
        if self.gate not in {"distance", "binary", "none"}:
            raise ConfigError(f"gate is {self.gate!r}; allowed are 'distance', 'binary' and 'none'")
        if any(s not in range(len(self.depths)) for s in self.gated_stages):
            raise ConfigError(
                f"gated_stages={self.gated_stages}; there are stages 0 to {len(self.depths) - 1}"
            )

    @property
    def channels(self) -> int:
        """Channels of an output token."""
        return (self.embed_dim << (len(self.depths) - 1)) + (2 * self.bands if self.skip else 0)

    @property
    def without_skip(self) -> SwinConfig:
        """The same network with its own channels alone."""
        return replace(self, skip=False)

    def stage_gate(self, stage: int) -> GateKind:
        """Return the gate of one stage."""
        return self.gate if stage in self.gated_stages else "none"

    def stage_plans(self, stage: int, size: Triple) -> tuple[WindowPlan, WindowPlan]:
        """Windows of the even blocks and of the odd, shifted ones of a stage whose map has this size."""
        plain, shifted = (
            plan_windows(
                size,
                window=self.window,
                shifted=odd,
                fragments=self.fragments,
                gate=self.stage_gate(stage),
            )
            for odd in (False, True)
        )
        return plain, shifted

    def all_plans(self, view: Triple) -> tuple[WindowPlan, ...]:
        """Every different plan that a view of this size (frames, height, width) in pixels meets."""
        t, h, w = (-(-n // p) for n, p in zip(view, self.patch, strict=True))
        plans: list[WindowPlan] = []
        for stage, depth in enumerate(self.depths):
            plans += self.stage_plans(stage, (t, h, w))[:depth]
            h, w = -(-h // 2), -(-w // 2)
        return tuple(dict.fromkeys(plans))


class _Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return out


class _Block(nn.Module):
    """Window attention and MLP, each with a norm before and a residual around it."""

    def __init__(self, dim: int, *, heads: int, config: SwinConfig, gated: bool, drop_path: float) -> None:
        super().__init__()
        self.drop_rate = drop_path
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, heads=heads, window=config.window, gated=gated)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = _Mlp(dim, int(dim * config.mlp_ratio))

    def forward(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        tokens = tokens + self._drop_path(self._attend(self.norm1(tokens), plan))
        return tokens + self._drop_path(self.mlp(self.norm2(tokens)))

    def _attend(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        (t, h, w), shift = plan.size, plan.shift
        if plan.padded != plan.size:  # padding takes part in the attention, as in the published weights
            pt, ph, pw = plan.padded
            tokens = F.pad(tokens, (0, 0, 0, pw - w, 0, ph - h, 0, pt - t))
        if any(shift):
            tokens = tokens.roll([-s for s in shift], dims=(1, 2, 3))
        tokens = self.attn(tokens, plan)
        if any(shift):
            tokens = tokens.roll(shift, dims=(1, 2, 3))
        return tokens if plan.padded == plan.size else tokens[:, :t, :h, :w]

    def _drop_path(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_rate == 0:
            return branch
        keep = 1 - self.drop_rate
        kept = branch.new_empty((len(branch), *[1] * (branch.ndim - 1))).bernoulli_(keep)
        return branch * kept.div_(keep)


class _Merge(nn.Module):
    """Join 2 x 2 neighbours in space: half the height and width, twice the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.reduction(self.pairs(tokens))
        return out

    def pairs(self, tokens: Tensor) -> Tensor:
        """Normed neighbours side by side, ``(B, T, H / 2, W / 2, 4 C)``."""
        if tokens.shape[2] % 2 or tokens.shape[3] % 2:
            tokens = F.pad(tokens, (0, 0, 0, tokens.shape[3] % 2, 0, tokens.shape[2] % 2))
        b, t, h, w, c = tokens.shape
        pairs = tokens.view(b, t, h // 2, 2, w // 2, 2, c).permute(0, 1, 2, 4, 5, 3, 6)
        normed: Tensor = self.norm(pairs.reshape(b, t, h // 2, w // 2, 4 * c))
        return normed


class _Stage(nn.Module):
    def __init__(self, config: SwinConfig, stage: int, drop_paths: list[float]) -> None:
        super().__init__()
        dim, heads = config.embed_dim << stage, config.heads[stage]
        self.config, self.stage = config, stage
        gated = config.stage_gate(stage) != "none"
        self.blocks = nn.ModuleList(
            _Block(dim, heads=heads, config=config, gated=gated, drop_path=rate) for rate in drop_paths
        )
        self.downsample = _Merge(dim) if stage < len(config.depths) - 1 else None
        self._plans: dict[Triple, tuple[WindowPlan, WindowPlan]] = {}

    def forward(self, tokens: Tensor, *, checkpointed: bool) -> Tensor:
        _, t, h, w, _ = tokens.shape
        plans = self._plans.get((t, h, w))
        if plans is None:
            plans = self._plans[t, h, w] = self.config.stage_plans(self.stage, (t, h, w))
        for i, block in enumerate(self.blocks):
            plan = plans[i % 2]
            tokens = (
                checkpoint(block, tokens, plan, use_reentrant=False) if checkpointed else block(tokens, plan)
            )
        return tokens if self.downsample is None else self.downsample(tokens)


class SwinBackbone(nn.Module):
    """Video Swin Transformer; parameters are named as in the released checkpoints.

    Args:
        config: Size and kind.
        generator: Source of the initial weights; the global one by default.
        drawn: Whether there are initial weights; False for a network that is loaded next.
    """

    def __init__(
        self, config: SwinConfig | None = None, *, generator: Generator | None = None, drawn: bool = True
    ) -> None:
        super().__init__()
        self.config = config = config or SwinConfig()
        self.checkpointed = False
        self.patch_embed = PatchEmbed(config.patch, config.embed_dim, bands=config.bands, keep=config.skip)
        total = sum(config.depths)
        rates = iter([config.drop_path * i / max(total - 1, 1) for i in range(total)])
        self.layers = nn.ModuleList(
            _Stage(config, i, list(islice(rates, depth))) for i, depth in enumerate(config.depths)
        )
        self.norm = nn.LayerNorm(config.embed_dim << (len(config.depths) - 1))
        if drawn:
            self._initialise(generator)

    @property
    def channels(self) -> int:
        """Channels of an output token."""
        return self.config.channels

    def checkpoint_blocks(self, *, enabled: bool = True) -> None:
        """Recompute each block in the backward pass: far less memory for about 4/3 of the time."""
        self.checkpointed = enabled

    def _initialise(self, generator: Generator | None) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("bias_table") or (name.endswith("weight") and parameter.ndim > 1):
                nn.init.trunc_normal_(parameter, std=0.02, generator=generator)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, views: Tensor) -> Tensor:
        """Compute the token map of views.

        Args:
            views: Normalised views, ``(B, 3, T, H, W)``; sides that no whole patches fill are zero-padded.

        Returns:
            Tokens, ``(B, C, T / 2, H / 32, W / 32)`` for the default config, sizes rounded up.

        Raises:
            DataError: If the input has another rank or channel count.
        """
        if views.ndim != 5 or views.shape[1] != 3:
            raise DataError(
                f"views have shape {tuple(views.shape)}; the backbone takes (batch, 3, frames, height, width)"
            )
        return self.encode_tokens(self.patch_embed(views))

    def encode_tokens(self, embedded: Tensor) -> Tensor:
        """Map what the patch embedding gives, ``(B, T', h, w, channels)``, to what :meth:`forward` gives."""
        tokens, energies = self.split(embedded)
        for stage in self.layers:
            tokens = stage(tokens, checkpointed=self.checkpointed and torch.is_grad_enabled())
        return self.finish(tokens, energies)

    def split(self, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and log band energies (none without ``skip``) of what the patch embedding gives."""
        return embedded[..., : self.config.embed_dim], embedded[..., self.config.embed_dim :]

    def finish(self, tokens: Tensor, energies: Tensor) -> Tensor:
        """The output from the tokens of the last stage ``(B, T', h, w, C)`` and the band energies."""
        out: Tensor = self.norm(tokens).permute(0, 4, 1, 2, 3)
        if not self.config.skip:
            return out
        return torch.cat(
            [out, _local_moments(energies, (tokens.shape[2], tokens.shape[3])).to(out.dtype)], dim=1
        )


def _local_moments(energies: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean and deviation in the place of each token, ``(B, T', H, W, K)`` to ``(B, 2 K, T', h, w)``."""
    batch, frames = energies.shape[:2]
    rows = energies.flatten(0, 1).permute(0, 3, 1, 2)
    mean, square = (F.adaptive_avg_pool2d(part, size) for part in (rows, rows.square()))
    deviation = ((square - mean.square()).clamp_min(0) + 1e-6).sqrt()
    found = torch.cat([mean, deviation], dim=1)
    return found.view(batch, frames, *found.shape[1:]).transpose(1, 2)

"""ST-VQRL: features that tell qualities apart, from distorted versions alone (method, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

from sslvqa.errors import ConfigError
from sslvqa.losses import cosine_contrastive_loss, statistical_contrastive_loss
from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, keep_local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.nn.heads import Projection
    from sslvqa.nn.swin3d.model import SwinBackbone

__all__ = ["StVqrl"]


class StVqrl(Method):
    """Contrastive learning between the versions of a scene.

    Args:
        backbone: Learned, and what remains of the stage.
        projection: Learned, and dropped after the stage; None fits the Gaussians to the backbone's channels.
        loss: ``statistical`` is Eq. 1-3, ``cosine`` the ablation of Table 4.
        temperature: tau; 10 for ``statistical`` and 0.1 for ``cosine`` when None.
        ridge: Added to the diagonal of the averaged covariance (``statistical`` only).
        shrinkage: Share of the scaled identity in each covariance (``statistical`` only).
        cross_scene: Whether versions of the other scenes are negatives too.
        compute: How views pass through the networks.
        gather: Joins scenes over processes.
    """

    def __init__(
        self,
        backbone: SwinBackbone,
        projection: Projection | None,
        *,
        loss: Literal["statistical", "cosine"] = "statistical",
        temperature: float | None = None,
        ridge: float = 1e-4,
        shrinkage: float = 0.0,
        cross_scene: bool = False,
        compute: Compute | None = None,
        gather: Gather = keep_local,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = projection
        self.loss = loss
        self.temperature = temperature or (10.0 if loss == "statistical" else 0.1)
        self.ridge = ridge
        self.shrinkage = shrinkage
        self.cross_scene = cross_scene
        self._compute = compute or Compute()
        self._gather = gather

    def trainable(self) -> Mapping[str, nn.Module]:
        """The backbone and the projection."""
        parts: dict[str, nn.Module] = {"backbone": self.backbone}
        return parts if self.projection is None else parts | {"projection_head": self.projection}

    def step(self, batch: Batch) -> StepOutput:
        """Compute the contrastive loss of ``batch.groups``.

        Raises:
            ConfigError: If the batch has no groups.
        """
        if batch.groups is None:
            raise ConfigError("the batch has no groups; ST-VQRL learns from groups of versions")
        scenes, versions = batch.groups.shape[:2]
        flat = self._compute(self._tokens, batch.groups.flatten(0, 2))
        tokens = self._gather(flat.view(scenes, versions, 2, *flat.shape[1:]))
        first, second = tokens[:, :, 0], tokens[:, :, 1]
        if self.loss == "cosine":
            loss = cosine_contrastive_loss(
                first, second, temperature=self.temperature, cross_scene=self.cross_scene
            )
        else:
            loss = statistical_contrastive_loss(
                first,
                second,
                temperature=self.temperature,
                ridge=self.ridge,
                shrinkage=self.shrinkage,
                cross_scene=self.cross_scene,
            )
        return StepOutput({"contrastive": loss})

    def predict(self, views: Tensor) -> Tensor:
        """Not defined: this stage learns features, not scores.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"ST-VQRL gives no score for {len(views)} views; train SSL-VQA from its backbone")

    def _tokens(self, views: Tensor) -> Tensor:
        """Projected tokens ``(B, N, C)``."""
        features: Tensor = self.backbone(views)
        tokens = features.flatten(2).mT
        return tokens if self.projection is None else self.projection(tokens)

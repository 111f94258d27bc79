"""What the service can be asked: the routes below ``/api``, and ``/metrics``."""

from fastapi import APIRouter

from sslvqa.web.routes import jobs, media, server, videos

__all__ = ["metrics_router", "router"]

metrics_router = server.metrics_router
router = APIRouter()
for part in (server, videos, jobs, media):
    router.include_router(part.router)

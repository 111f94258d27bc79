"""A module that shares its tensors with another, while some of its parts are replaced."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

__all__ = ["stamp_of", "twin_of"]

_Module = TypeVar("_Module", bound=nn.Module)
_Part = TypeVar("_Part", bound=nn.Module)


def twin_of(module: _Module, kind: type[_Part], replace: Callable[[_Part], nn.Module]) -> _Module:
    """Return the same module with other parts: parameters and buffers are the same tensors.

    Args:
        module: Is not changed.
        kind: Class of the parts, wherever they are inside.
        replace: Gives what stands in for a part; called in the order of registration.
    """
    twin = copy.copy(module)
    twin._modules = {
        name: replace(child) if isinstance(child, kind) else twin_of(child, kind, replace)
        for name, child in module._modules.items()
        if child is not None
    }
    return twin


def stamp_of(tensors: Iterable[Tensor]) -> tuple[tuple[int, int], ...]:
    """Return what changes when a tensor is written or replaced: where each lies, how often it was written.

    Tensors made in inference mode do not count that; they cannot be trained either.
    """
    return tuple((tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version) for tensor in tensors)

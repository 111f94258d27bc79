"""MATLAB files of any version as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from sslvqa.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["numbers", "read_mat", "words"]

_HDF5 = b"\x89HDF"


def read_mat(path: Path) -> dict[str, Any]:
    """Read the variables of a .mat file, from version 4 to 7.3.

    Returns:
        Name to value: numeric arrays in MATLAB's orientation without axes of length 1, text as ``str``,
        cells as lists or arrays of values, structs as dictionaries.

    Raises:
        DataError: There is no such file, or it is none of MATLAB's.
        MissingExtraError: It has version 7.3 (HDF5) and ``h5py`` is not installed.
    """
    try:
        with path.open("rb") as file:
            start = file.read(516)
        if _HDF5 in (start[:4], start[512:]):
            return _read_hdf5(path)
        found = loadmat(str(path), simplify_cells=True)
    except FileNotFoundError:
        raise DataError(f"no file {path}; expected a MATLAB file") from None
    except (MatReadError, OSError, ValueError, NotImplementedError, TypeError) as error:
        raise DataError(f"{path}: not a readable MATLAB file ({error})") from error
    return {name: value for name, value in found.items() if not name.startswith("__")}


def words(value: object) -> list[str]:
    """A cell array of text as a list; also of one text alone."""
    if isinstance(value, str):
        return [value]
    return [str(item).strip() for item in np.asarray(value, dtype=object).ravel()]


def numbers(value: object) -> list[float]:
    """A numeric vector, or a cell array of numbers, as a list.

    Raises:
        DataError: Something in it is no number.
    """
    try:
        return [float(item) for item in np.asarray(value, dtype=object).ravel()]
    except (TypeError, ValueError) as error:
        raise DataError(f"expected numbers, but: {error}") from error


def _read_hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            f"{path} is a MATLAB file of version 7.3, which needs h5py; run: pip install 'sslvqa[databases]'"
        ) from error
    with h5py.File(path, "r") as file:
        return {name: _plain(file, item) for name, item in file.items() if not name.startswith("#")}


def _plain(file: Mapping[Any, Any], item: Any) -> Any:  # noqa: ANN401 - HDF5 objects are untyped
    """One HDF5 object of MATLAB's as a plain value; arrays are transposed to MATLAB's orientation."""
    if hasattr(item, "keys"):
        return {name: _plain(file, part) for name, part in item.items()}
    kind = item.attrs.get("MATLAB_class", b"").decode()
    values = item[()]
    if item.attrs.get("MATLAB_empty", 0):
        return "" if kind == "char" else []
    if kind == "char":
        return "".join(map(chr, np.asarray(values).ravel()))
    if kind == "cell":
        return [_plain(file, file[reference]) for reference in np.asarray(values).T.ravel(order="F")]
    return np.squeeze(np.asarray(values).T)

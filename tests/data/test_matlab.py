from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from sslvqa.data.info import read_info
from sslvqa.data.matlab import numbers, read_mat, words
from sslvqa.errors import DataError


def test_version_5_files_are_plain_values(tmp_path):
    cells = np.array(["a.mp4", "b.mp4"], dtype=object)[:, None]
    savemat(tmp_path / "a.mat", {"m": np.arange(6.0).reshape(2, 3), "names": cells, "s": {"x": 1.5}})
    found = read_mat(tmp_path / "a.mat")
    assert found["m"].shape == (2, 3)
    assert words(found["names"]) == ["a.mp4", "b.mp4"]
    assert found["s"]["x"] == 1.5


def test_version_7_3_files_have_the_orientation_of_matlab(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["m"] = np.arange(6.0).reshape(3, 2)
        file["s/x"] = np.array([[2.5]])
        empty = file.create_dataset("none", data=np.array([0, 0]))
        empty.attrs["MATLAB_empty"] = 1
    found = read_mat(tmp_path / "a.mat")
    assert found["m"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert numbers(found["s"]["x"]) == [2.5]
    assert found["none"] == []


def test_other_files_are_errors(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_mat(tmp_path / "gone.mat")
    (tmp_path / "text.mat").write_text("hello")
    with pytest.raises(DataError, match="not a readable MATLAB file"):
        read_mat(tmp_path / "text.mat")
    with pytest.raises(DataError, match="expected numbers"):
        numbers(["a"])


def test_split_files_are_checked(tmp_path):
    def write(**changes):
        values = {
            "video_names": np.array(["a", "b"], dtype=object),
            "scores": [1.0, 2.0],
            "ref_ids": [1.0, 2.0],
            "index": [[1.0, 2.0], [2.0, 1.0]],
        } | changes
        savemat(tmp_path / "info.mat", values)
        return tmp_path / "info.mat"

    info = read_info(write())
    assert (info.names, info.scores, info.reference_ids) == (("a", "b"), (1.0, 2.0), (1, 2))
    assert info.permutations.tolist() == [[1, 2], [2, 1]]
    with pytest.raises(DataError, match=r"no permutation of 1\.\.2"):
        read_info(write(index=[[1.0, 1.0]]))
    with pytest.raises(DataError, match="2 names, 3 scores"):
        read_info(write(scores=[1.0, 2.0, 3.0]))
    savemat(tmp_path / "other.mat", {"x": 1})
    with pytest.raises(DataError, match="no index, ref_ids, scores, video_names"):
        read_info(tmp_path / "other.mat")

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from sslvqa.data.features import read_feature_matrix, read_score_table
from sslvqa.errors import DataError, ManifestError


def test_matlab_numpy_and_csv_hold_the_same_matrix(tmp_path):
    matrix = np.array([[1.0, np.nan, 2.5], [3.0, 4.0, np.inf]])
    savemat(tmp_path / "a.mat", {"feats_mat": matrix})
    np.save(tmp_path / "a.npy", matrix)
    (tmp_path / "a.csv").write_text("x,y,z\n1,nan,2.5\n3,4,inf\n")
    (tmp_path / "b.csv").write_text("1,nan,2.5\n3,4,inf\n")
    for name in ("a.mat", "a.npy", "a.csv", "b.csv"):
        np.testing.assert_array_equal(read_feature_matrix(tmp_path / name), matrix)


def test_files_without_one_matrix_are_errors(tmp_path):
    savemat(tmp_path / "a.mat", {"a": np.ones((2, 2)), "b": np.ones((2, 2))})
    with pytest.raises(DataError, match=r"holds 2 matrices \(a, b\)"):
        read_feature_matrix(tmp_path / "a.mat")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError, match="no matrix of numbers"):
        read_feature_matrix(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no matrix of numbers"):
        read_feature_matrix(tmp_path / "gone.npy")


def test_scores_come_from_the_usual_or_a_named_column(tmp_path):
    (tmp_path / "s.csv").write_text("flickr_id,mos,width,scene\n33,4.5,960,a\n81,2.25,960,a\n")
    table = read_score_table(tmp_path / "s.csv")
    assert (table.names, table.scores, table.contents) == (("33", "81"), (4.5, 2.25), ("33", "81"))
    assert read_score_table(tmp_path / "s.csv", content_column="scene").contents == ("a", "a")
    assert read_score_table(tmp_path / "s.csv", score_column="width").scores == (960.0, 960.0)
    with pytest.raises(ManifestError, match="no column quality; it has flickr_id, mos"):
        read_score_table(tmp_path / "s.csv", score_column="quality")
    (tmp_path / "s.csv").write_text("name,mos\na,1\nb,\n")
    with pytest.raises(ManifestError, match=r"s\.csv:3: no score"):
        read_score_table(tmp_path / "s.csv")

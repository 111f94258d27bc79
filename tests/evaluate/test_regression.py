from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVR

from sslvqa.errors import ConfigError, DataError, MissingExtraError
from sslvqa.evaluate import (
    MEASURES,
    append_result,
    data_hash,
    fit_svr,
    median_results,
    read_results,
    regress_splits,
    regression,
    splits_hash,
)


def data(videos: int = 60, noise: float = 0.1, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 5, (videos, 4))
    return x, 50 + 20 * np.tanh(x[:, 0]) + 5 * x[:, 1] + noise * rng.standard_normal(videos)


@pytest.fixture(scope="module")
def results():
    x, y = data()
    return list(regress_splits(x, y, splits=range(1, 4)))


def test_features_that_explain_the_scores_predict_them(results):
    assert [result.split for result in results] == [1, 2, 3]
    assert all((result.train, result.test) == (48, 12) for result in results)
    assert median_results(results)["srocc"] > 0.9
    assert set(median_results(results)) == set(MEASURES)


def test_features_without_information_do_not():
    x, y = data(videos=80)
    shuffled = np.random.default_rng(1).permutation(y)
    (found,) = regress_splits(x, shuffled, splits=[1])
    assert abs(found.measures["srocc"]) < 0.6


def test_the_same_split_is_the_same_result(results):
    x, y = data()
    (again,) = regress_splits(x, y, splits=[2])
    assert again == results[1]
    assert len({result.sha256 for result in results}) == 3


def test_choice_is_that_of_a_plain_search_over_the_whole_grid():
    x, y = data(videos=60, noise=4.0)
    train, held = np.arange(45), np.arange(45, 60)
    x = MinMaxScaler().fit_transform(x)
    errors = {
        (c, gamma): regression._logistic_rmse(
            SVR(C=c, gamma=gamma).fit(x[train], y[train]).predict(x[held]), y[held]
        )
        for c in regression._C.tolist()
        for gamma in regression._GAMMA.tolist()
    }
    chosen = regression._choose(x[train], y[train], x[held], y[held])
    assert errors[chosen] == pytest.approx(min(errors.values()), rel=1e-3)


def test_slopes_of_the_logistic_are_its_derivatives():
    x, y = np.linspace(-1, 3, 7), np.zeros(7)
    theta = np.array([4.0, 1.0, 0.5, -0.7])
    slopes = regression._slopes(theta, x, y)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        numeric = (regression._residual(theta + step, x, y) - regression._residual(theta - step, x, y)) / 2e-6
        np.testing.assert_allclose(slopes[:, place], numeric, atol=1e-7)


def test_contents_stay_on_one_side():
    x, y = data(videos=60)
    contents = np.repeat(np.arange(15), 4)
    for seed in range(1, 6):
        one, two = regression._divide(np.arange(60), contents, seed=seed)
        assert not set(contents[one]) & set(contents[two])
        assert sorted([*one, *two]) == list(range(60))
    (found,) = regress_splits(x, y, splits=[1], contents=[str(c) for c in contents])
    assert (found.train, found.test) == (48, 12)


def test_values_that_are_not_finite_count_as_zero(results):
    x, y = data()
    broken, zero = x.copy(), x.copy()
    broken[3, 1], broken[7, 2], zero[3, 1], zero[7, 2] = np.nan, np.inf, 0, 0
    assert list(regress_splits(broken, y, splits=[1])) == list(regress_splits(zero, y, splits=[1]))


def test_two_processes_give_the_results_of_one(results):
    x, y = data()
    assert list(regress_splits(x, y, splits=range(1, 4), workers=2)) == results


def test_impossible_data_are_refused():
    x, y = data(videos=30)
    for features, labels, message in (
        (x[:20], y, "one row of features for each label"),
        (x, np.ones(30), "constant"),
        (x, np.full(30, np.nan), "not finite"),
        (x[:10], y[:10], "10 videos"),
    ):
        with pytest.raises(DataError, match=message):
            next(regress_splits(features, labels))
    with pytest.raises(DataError, match="30 videos, 2 names"):
        next(regress_splits(x, y, names=["a", "b"]))
    with pytest.raises(ConfigError, match="workers is 0"):
        next(regress_splits(x, y, workers=0))


def test_without_scikit_learn_the_message_has_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sslvqa\[peers\]'"):
        next(regress_splits(*data()))


def test_medians_leave_undefined_splits_out(results):
    undefined = {**results[0].measures, "plcc_logistic": math.nan}
    one = regression.SplitResult(9, "x", 2.0, 1.0, 8, 2, undefined)
    expected = np.median([result.measures["plcc_logistic"] for result in results])
    assert median_results([*results, one])["plcc_logistic"] == expected
    assert math.isnan(median_results([one])["plcc_logistic"])


def test_results_go_on_in_a_table_of_the_same_data(tmp_path, results):
    path, mark = tmp_path / "splits.csv", data_hash(*data())
    assert read_results(path, data=mark) == {}
    for result in results:
        append_result(path, result, data=mark)
    assert list(read_results(path, data=mark).values()) == results
    assert len(splits_hash(results)) == 64
    with pytest.raises(DataError, match="of other features or scores"):
        read_results(path, data=data_hash(*data(seed=1)))
    path.write_text("split,sha256\n1,x\n")
    with pytest.raises(DataError, match="not a result of a split"):
        read_results(path, data=mark)


def test_few_or_uneven_contents_are_fitted_or_refused():
    x, y = data(videos=22)
    assert fit_svr(x, y, contents=["a"] * 10 + ["b"] * 10 + ["c"] * 2).predict(x).shape == (22,)
    for contents in (["a"] * 22, ["a"] * 11 + ["b"] * 11):
        with pytest.raises(DataError, match="all videos are of one content"):
            list(regress_splits(x, y, splits=[1], contents=contents))


def test_a_table_killed_before_its_header_is_begun_anew(tmp_path, results):
    path, mark = tmp_path / "splits.csv", data_hash(*data())
    path.touch()
    append_result(path, results[0], data=mark)
    assert list(read_results(path, data=mark).values()) == [results[0]]

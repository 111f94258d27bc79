"""How well do scores agree with labels? Float64, NumPy and SciPy only."""

from sslvqa.evaluate.bootstrap import BootstrapInterval, bootstrap_by_content
from sslvqa.evaluate.correlation import Measure, krocc, plcc, rmse, srocc
from sslvqa.evaluate.levels import LevelOrder, level_order
from sslvqa.evaluate.mapping import LogisticFit, fit_logistic
from sslvqa.evaluate.protocol import (
    MEASURES,
    Evaluation,
    PairOrder,
    evaluate_predictions,
    pair_order_accuracy,
)
from sslvqa.evaluate.regression import FittedSvr, SplitResult, fit_svr, median_results, regress_splits
from sslvqa.evaluate.significance import (
    Comparison,
    SignificanceTable,
    compare_all,
    corrected_t_test,
    holm,
    rank_sum_test,
    signed_rank_test,
)
from sslvqa.evaluate.split_table import append_result, data_hash, read_results, splits_hash

__all__ = [
    "MEASURES",
    "BootstrapInterval",
    "Comparison",
    "Evaluation",
    "FittedSvr",
    "LevelOrder",
    "LogisticFit",
    "Measure",
    "PairOrder",
    "SignificanceTable",
    "SplitResult",
    "append_result",
    "bootstrap_by_content",
    "compare_all",
    "corrected_t_test",
    "data_hash",
    "evaluate_predictions",
    "fit_logistic",
    "fit_svr",
    "holm",
    "krocc",
    "level_order",
    "median_results",
    "pair_order_accuracy",
    "plcc",
    "rank_sum_test",
    "read_results",
    "regress_splits",
    "rmse",
    "signed_rank_test",
    "splits_hash",
    "srocc",
]

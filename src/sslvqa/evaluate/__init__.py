"""How well do scores agree with labels? Float64, NumPy and SciPy only."""

from sslvqa.evaluate.bootstrap import BootstrapInterval, bootstrap_by_content
from sslvqa.evaluate.correlation import Measure, krocc, plcc, rmse, srocc
from sslvqa.evaluate.mapping import LogisticFit, fit_logistic
from sslvqa.evaluate.protocol import Evaluation, PairOrder, evaluate_predictions, pair_order_accuracy
from sslvqa.evaluate.significance import (
    Comparison,
    SignificanceTable,
    compare_all,
    corrected_t_test,
    holm,
    rank_sum_test,
    signed_rank_test,
)

__all__ = [
    "BootstrapInterval",
    "Comparison",
    "Evaluation",
    "LogisticFit",
    "Measure",
    "PairOrder",
    "SignificanceTable",
    "bootstrap_by_content",
    "compare_all",
    "corrected_t_test",
    "evaluate_predictions",
    "fit_logistic",
    "holm",
    "krocc",
    "pair_order_accuracy",
    "plcc",
    "rank_sum_test",
    "rmse",
    "signed_rank_test",
    "srocc",
]

"""How well do scores agree with labels? Float64, NumPy and SciPy only."""

from sslvqa.evaluate.bootstrap import BootstrapInterval, bootstrap_by_content
from sslvqa.evaluate.correlation import Measure, krocc, plcc, rmse, srocc
from sslvqa.evaluate.mapping import LogisticFit, fit_logistic
from sslvqa.evaluate.protocol import Evaluation, PairOrder, evaluate_predictions, pair_order_accuracy

__all__ = [
    "BootstrapInterval",
    "Evaluation",
    "LogisticFit",
    "Measure",
    "PairOrder",
    "bootstrap_by_content",
    "evaluate_predictions",
    "fit_logistic",
    "krocc",
    "pair_order_accuracy",
    "plcc",
    "rmse",
    "srocc",
]

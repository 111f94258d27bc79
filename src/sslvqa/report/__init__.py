"""Results as one self-contained HTML page (extra ``[report]``)."""

from sslvqa.report.moments import Moment, choose_moments, picture_moments
from sslvqa.report.page import report_page, write_report
from sslvqa.report.results import read_results

__all__ = ["Moment", "choose_moments", "picture_moments", "read_results", "report_page", "write_report"]

"""Do the claims hold? The paper's tables made anew, on its databases or on the open benchmark."""

from sslvqa.reproduce.bench import Bench, Draw
from sslvqa.reproduce.open_bench import OpenBench
from sslvqa.reproduce.paper_bench import DatabaseFolders, PaperBench
from sslvqa.reproduce.plan import Plan, make_plan
from sslvqa.reproduce.recipe import Recipe
from sslvqa.reproduce.runner import Outcome, progress, reproduce
from sslvqa.reproduce.starts import Starts
from sslvqa.reproduce.store import RunFolder
from sslvqa.reproduce.tables import TABLES, Row, Table, find_tables
from sslvqa.reproduce.work import Budget
from sslvqa.reproduce.write import write_table

__all__ = [
    "TABLES",
    "Bench",
    "Budget",
    "DatabaseFolders",
    "Draw",
    "OpenBench",
    "Outcome",
    "PaperBench",
    "Plan",
    "Recipe",
    "Row",
    "RunFolder",
    "Starts",
    "Table",
    "find_tables",
    "make_plan",
    "progress",
    "reproduce",
    "write_table",
]

"""Human ratings: votes become scores, the next videos to rate are chosen, a study is run."""

from sslvqa.rate.choose import Strategy, choose_next, doubt_ranks
from sslvqa.rate.collect import RaterCheck, check_raters, write_votes
from sslvqa.rate.opinion import Opinion, SplitHalf, mean_opinion, rater_agreement, sos_parameter, split_half
from sslvqa.rate.pairs import (
    Comparison,
    PairScores,
    bradley_terry,
    is_pair_table,
    read_pairs,
    write_pair_scores,
)
from sslvqa.rate.plan import BROWSER_SUFFIXES, StudyMethod, StudySettings, StudyVideo, Trial, plan_session
from sslvqa.rate.ratings import RaterReport, Ratings, rate_videos, write_ratings
from sslvqa.rate.recover import Recovery, recover
from sslvqa.rate.screen import Screening, screen_raters
from sslvqa.rate.shortlist import SHORTLIST_COLUMNS, shortlist, write_shortlist
from sslvqa.rate.study import Answer, Question, SessionState, Study
from sslvqa.rate.votes import Votes, VoteTable, merge_repeats, read_votes

__all__ = [
    "BROWSER_SUFFIXES",
    "SHORTLIST_COLUMNS",
    "Answer",
    "Comparison",
    "Opinion",
    "PairScores",
    "Question",
    "RaterCheck",
    "RaterReport",
    "Ratings",
    "Recovery",
    "Screening",
    "SessionState",
    "SplitHalf",
    "Strategy",
    "Study",
    "StudyMethod",
    "StudySettings",
    "StudyVideo",
    "Trial",
    "VoteTable",
    "Votes",
    "bradley_terry",
    "check_raters",
    "choose_next",
    "doubt_ranks",
    "is_pair_table",
    "mean_opinion",
    "merge_repeats",
    "plan_session",
    "rate_videos",
    "rater_agreement",
    "read_pairs",
    "read_votes",
    "recover",
    "screen_raters",
    "shortlist",
    "sos_parameter",
    "split_half",
    "write_pair_scores",
    "write_ratings",
    "write_shortlist",
    "write_votes",
]

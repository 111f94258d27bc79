"""Human ratings: votes become scores, the next videos to rate are chosen, a study is run."""

from sslvqa.rate.choose import Strategy, choose_next, doubt_ranks
from sslvqa.rate.opinion import Opinion, SplitHalf, mean_opinion, rater_agreement, sos_parameter, split_half
from sslvqa.rate.pairs import (
    Comparison,
    PairScores,
    bradley_terry,
    is_pair_table,
    read_pairs,
    write_pair_scores,
)
from sslvqa.rate.ratings import RaterReport, Ratings, rate_videos, write_ratings
from sslvqa.rate.recover import Recovery, recover
from sslvqa.rate.screen import Screening, screen_raters
from sslvqa.rate.votes import Votes, VoteTable, merge_repeats, read_votes

__all__ = [
    "Comparison",
    "Opinion",
    "PairScores",
    "RaterReport",
    "Ratings",
    "Recovery",
    "Screening",
    "SplitHalf",
    "Strategy",
    "VoteTable",
    "Votes",
    "bradley_terry",
    "choose_next",
    "doubt_ranks",
    "is_pair_table",
    "mean_opinion",
    "merge_repeats",
    "rate_videos",
    "rater_agreement",
    "read_pairs",
    "read_votes",
    "recover",
    "screen_raters",
    "sos_parameter",
    "split_half",
    "write_pair_scores",
    "write_ratings",
]

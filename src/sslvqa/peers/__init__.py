"""Methods of others behind one interface, to be compared with on the same videos."""

from sslvqa.peers.base import Lesson, Peer
from sslvqa.peers.brisque import brisque_features
from sslvqa.peers.frames import Frame, FramePolicy, Runs, Spread, luma_frames
from sslvqa.peers.gabor import v1_response
from sslvqa.peers.lgn import lgn_response
from sslvqa.peers.measure import Measured, choose_frames, measure_each
from sslvqa.peers.methods import PEERS, Brisque, Niqe, Stem, Tpqi
from sslvqa.peers.niqe import PristineModel, fit_pristine, niqe_blocks, niqe_distance

__all__ = [
    "PEERS",
    "Brisque",
    "Frame",
    "FramePolicy",
    "Lesson",
    "Measured",
    "Niqe",
    "Peer",
    "PristineModel",
    "Runs",
    "Spread",
    "Stem",
    "Tpqi",
    "brisque_features",
    "choose_frames",
    "fit_pristine",
    "lgn_response",
    "luma_frames",
    "measure_each",
    "niqe_blocks",
    "niqe_distance",
    "v1_response",
]

"""Methods of others behind one interface, to be compared with on the same videos."""

from sslvqa.peers.base import Peer
from sslvqa.peers.brisque import brisque_features
from sslvqa.peers.gabor import v1_response
from sslvqa.peers.lgn import lgn_response
from sslvqa.peers.measure import Measured, luma_frames, measure_each
from sslvqa.peers.methods import PEERS, Brisque, Niqe
from sslvqa.peers.niqe import PristineModel, fit_pristine, niqe_blocks, niqe_distance

__all__ = [
    "PEERS",
    "Brisque",
    "Measured",
    "Niqe",
    "Peer",
    "PristineModel",
    "brisque_features",
    "fit_pristine",
    "lgn_response",
    "luma_frames",
    "measure_each",
    "niqe_blocks",
    "niqe_distance",
    "v1_response",
]

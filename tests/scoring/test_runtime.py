"""What runs the networks: the choice, and that the number does not depend on it."""

import gc
import os
import shutil
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from sslvqa.errors import ConfigError, MissingExtraError, ModelError
from sslvqa.hub import Architecture, build_model, load_model, save_model
from sslvqa.nn import CorpusStatistics, SwinConfig
from sslvqa.nn.inference import bf16_supported
from sslvqa.sampling import ViewGeometry
from sslvqa.scoring import Scorer, backends, openvino
from sslvqa.scoring import scorer as scorer_module
from sslvqa.scoring.backends import make_runtime
from sslvqa.scoring.batch import scored_records
from sslvqa.scoring.cpu import TorchRuntime
from sslvqa.scoring.golden import golden_view
from sslvqa.scoring.runtime import pick_device

needs_openvino = pytest.mark.skipif(openvino.unavailable() is not None, reason="OpenVINO is not installed")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLVQA_CACHE", str(tmp_path / "cache"))


def _refuse(*_):
    raise AssertionError("exported again")


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=64, height=64, frames=12)


@needs_openvino
def test_openvino_scores_equal_torch_scores_from_one_export(model_dir, clip, tmp_path, monkeypatch):
    ours, theirs = (Scorer(model_dir, backend=name, precision="fp32") for name in ("torch", "openvino"))
    first, second = ours.score(clip), theirs.score(clip)
    assert (first.provenance.backend, second.provenance.backend) == ("torch", "openvino")
    assert second.raw_q_r == pytest.approx(first.raw_q_r, abs=1e-4)
    assert second.raw_q_d == pytest.approx(first.raw_q_d, abs=1e-4)
    assert second.score == pytest.approx(first.score, abs=1e-2)
    graphs = list((tmp_path / "cache" / "openvino").glob("*.xml"))
    assert len(graphs) == 1
    monkeypatch.setattr(openvino, "_export", _refuse)
    assert Scorer(model_dir, backend="openvino", precision="fp32").score(clip) == second
    assert Scorer(model_dir).runtime.backend == "torch"  # auto, for a small model
    monkeypatch.setattr(backends, "_LARGE", 1)
    assert Scorer(model_dir).runtime.backend == "openvino"  # auto, for a large one from files
    assert Scorer(load_model(model_dir)).runtime.backend == "torch"
    loaded = load_model(model_dir)
    with torch.no_grad():
        loaded.model.regressor.head.fc_last.bias.add_(1)
    with pytest.raises(AssertionError, match="exported again"):  # other weights are another graph
        Scorer(loaded, backend="openvino")


@needs_openvino
@pytest.mark.parametrize(
    ("half", "bytes_each", "gate"), [(False, 4, "distance"), (True, 2, "distance"), (False, 4, "binary")]
)
def test_the_graph_of_gated_shifted_windows_holds_the_weights_and_not_the_bias_of_every_window(
    tmp_path, half, bytes_each, gate
):
    geometry = ViewGeometry(grid=4, fragment_px=16, frames=8)
    backbone = SwinConfig(
        embed_dim=8, depths=(2, 2), heads=(1, 2), window=(2, 3, 3), gated_stages=(0,), fragments=4, gate=gate
    )
    model = build_model(Architecture("gated", backbone=backbone, geometry=geometry)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias_table"):  # so that a wrong gate or mask would be seen
            torch.nn.init.normal_(parameter.data, std=2.0, generator=torch.Generator().manual_seed(0))
    model.distance.set_corpus(CorpusStatistics(torch.zeros(16), torch.eye(16), 100))
    if half:  # as weights that came from a file in half precision
        for parameter in model.parameters():
            parameter.data = parameter.data.half().float()
    view = golden_view(geometry)
    ours = TorchRuntime(model)(view)
    theirs = openvino.OpenVinoRuntime(model, geometry=geometry)(view)
    assert theirs.q_r.item() == pytest.approx(ours.q_r.item(), abs=1e-5)
    assert theirs.q_d.item() == pytest.approx(ours.q_d.item(), abs=1e-5)
    (weights,) = (tmp_path / "cache" / "openvino").glob("*.bin")
    assert weights.stat().st_size < 1.1 * sum(
        bytes_each * part.numel() for part in model.state_dict().values()
    )


@needs_openvino
def test_threads_that_share_a_scorer_get_the_numbers_of_their_own_views(model_dir):
    runtime = Scorer(model_dir, backend="openvino", precision="fp32", threads=1).runtime
    view = golden_view(load_model(model_dir).card.architecture.geometry)
    views = [(view + 40 * shade).repeat(30, 1, 1, 1, 1) for shade in range(3)]
    expected = [runtime(each) for each in views]
    assert len({float(each.q_r[0]) for each in expected}) == 3
    with ThreadPoolExecutor(3) as pool:
        for one, found in zip(expected * 2, pool.map(runtime, views * 2), strict=True):
            torch.testing.assert_close(found, one)


@needs_openvino
def test_threads_that_need_the_same_graph_make_it_once(model_dir, tmp_path, monkeypatch):
    made, real = [], openvino._export
    monkeypatch.setattr(openvino, "_export", lambda *args: made.append(1) or real(*args))
    with ThreadPoolExecutor(3) as pool:
        scorers = list(pool.map(lambda _: Scorer(model_dir, backend="openvino", precision="fp32"), range(3)))
    view = golden_view(scorers[0].card.architecture.geometry)
    assert len({float(scorer.runtime(view).q_r) for scorer in scorers}) == 1
    assert made == [1]
    files = sorted(path.suffix for path in (tmp_path / "cache" / "openvino").iterdir())
    assert files == [".bin", ".xml"], "scratch files are taken away"


_SCORERS_WITHOUT_A_CACHE = """
import sys, tempfile
from pathlib import Path
from sslvqa.scoring import Scorer, golden_view
first, second = (Scorer(sys.argv[1], backend="openvino", precision=name) for name in ("fp32", "bf16"))
views = golden_view(first.card.architecture.geometry)
print(first.runtime.backend, len(first.runtime(views).q_r), len(second.runtime(views).q_r))
print(*sorted(path.suffix for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file()))
"""


@needs_openvino
def test_a_cache_that_cannot_be_written_is_said_once_and_leaves_nothing_behind(
    model_dir, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("SSLVQA_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    command = [sys.executable, "-c", _SCORERS_WITHOUT_A_CACHE, str(model_dir)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    numbers, files = done.stdout.splitlines()
    assert (numbers, files) == ("openvino 1 1", ".bin .xml")
    assert done.stderr.count("set SSLVQA_CACHE to a folder that can be written") == 1
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_gpu_that_is_not_there_is_refused_by_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [pick_device(name).index for name in ("cuda", "cuda:1")] == [None, 1]
    with pytest.raises(ConfigError, match="device is 'cuda:2' but torch sees 2 GPUs; the last is cuda:1"):
        pick_device("cuda:2")


def test_without_openvino_auto_is_torch_and_asking_for_it_says_how_to_get_it(model_dir, monkeypatch):
    monkeypatch.setattr(backends, "_LARGE", 1)
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    assert Scorer(model_dir).runtime.backend == "torch"
    for asked in ({"backend": "openvino"}, {"precision": "int8"}):
        with pytest.raises(MissingExtraError, match=r"is .*, but .* pip install 'sslvqa\[openvino\]'"):
            Scorer(model_dir, **asked)


@pytest.mark.skipif(not bf16_supported(), reason="this processor has no bfloat16 products")
def test_bf16_is_near_and_in_the_provenance_and_not_mixed_with_fp32(model_dir, clip, tmp_path):
    exact, near = (Scorer(model_dir, backend="torch", precision=name) for name in ("fp32", "bf16"))
    first, second = exact.score(clip), near.score(clip)
    assert second.provenance.precision == "bf16"
    assert second.score == pytest.approx(first.score, abs=1.0)
    out = tmp_path / "scores.ndjson"
    out.write_text(first.to_json() + "\n")
    assert set(scored_records(out, kind=exact.kind)) == {str(clip)}
    with pytest.raises(ConfigError, match="precision 'fp32', now 'bf16'"):
        scored_records(out, kind=near.kind)


@needs_openvino
def test_int8_is_near_and_made_once_of_the_model_alone(model_dir, clip, tmp_path, monkeypatch):
    exact, near = (Scorer(model_dir, backend="openvino", precision=name) for name in ("fp32", "int8"))
    first, second = exact.score(clip), near.score(clip)
    assert second.provenance.precision == "int8"
    assert 0 < abs(second.score - first.score) < 2.0
    graphs = tmp_path / "cache" / "openvino"
    (small,) = graphs.glob("*-int8.bin")
    assert small.stat().st_size < 0.6 * small.with_name(small.name.replace("-int8", "")).stat().st_size
    layers = sum(isinstance(part, torch.nn.Linear) for part in load_model(model_dir).model.modules())
    parts = openvino._core(os.getpid()).read_model(small.with_suffix(".xml")).get_ordered_ops()
    assert sum(part.get_type_name() == "FakeQuantize" for part in parts) == layers
    constants = [part for part in parts if part.get_type_name() == "Constant"]
    weights = [part.data for part in constants if part.get_element_type().get_type_name() == "i8"]
    assert len(weights) > layers  # query, key and value have one each
    assert max(np.abs(each).max() for each in weights) == 63  # two products with 255 fit in 16 bits
    monkeypatch.setattr(openvino, "quantize_linear", _refuse)
    assert Scorer(model_dir, precision="int8").score(clip) == second
    monkeypatch.undo()
    monkeypatch.setenv("SSLVQA_CACHE", str(tmp_path / "another"))
    assert Scorer(model_dir, precision="int8").score(clip) == second


@pytest.mark.parametrize("settings", [{"backend": "torch"}, {"device": "cuda"}])
def test_int8_without_openvino_says_what_it_needs(model_dir, settings):
    model, card = load_model(model_dir)
    where = {"device": "cpu"} | settings
    where["device"] = torch.device(where["device"])
    with pytest.raises(ConfigError, match="precision is 'int8', which needs backend 'openvino' and the CPU"):
        make_runtime(model, geometry=card.architecture.geometry, precision="int8", batch=1, **where)


def test_only_models_from_files_take_bf16_by_themselves_and_only_where_the_processor_has_it(
    model_dir, monkeypatch
):
    for present, expected in ((True, "bf16"), (False, "fp32")):
        for place in ("backends", "cpu"):  # whatever the processor of this machine has
            monkeypatch.setattr(f"sslvqa.scoring.{place}.bf16_supported", lambda present=present: present)
        assert Scorer(model_dir, backend="torch").runtime.precision == expected
        assert Scorer(load_model(model_dir), backend="torch").runtime.precision == "fp32"


def test_bf16_is_refused_where_the_processor_has_none(model_dir, monkeypatch):
    monkeypatch.setattr("sslvqa.scoring.cpu.bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="no such products"):
        Scorer(model_dir, backend="torch", precision="bf16")


@pytest.mark.parametrize(("name", "value"), [("backend", "onnx"), ("precision", "int4")])
def test_unknown_settings_are_refused(model_dir, name, value):
    with pytest.raises(ConfigError, match=f"{name} is '{value}'"):
        Scorer(model_dir, **{name: value})


@needs_openvino
def test_weights_are_held_once_and_loaded_again_for_what_needs_the_networks(kind_dir, tmp_path, monkeypatch):
    networks, real = [], scorer_module.load_model

    def load(source):
        loaded = real(source)
        networks.append(weakref.ref(loaded.model.regressor.backbone.layers[0].blocks[0].mlp.fc1.weight))
        return loaded

    monkeypatch.setattr(scorer_module, "load_model", load)
    own = shutil.copytree(kind_dir, tmp_path / "model")
    views = golden_view(real(own).card.architecture.geometry)
    expected = Scorer(own, backend="torch").token_scores(views)
    networks.clear()
    scorer = Scorer(own, backend="openvino")
    gc.collect()
    assert [network() for network in networks] == [None]
    assert scorer.token_scores(views) == pytest.approx(expected)
    assert scorer.token_scores(views) == pytest.approx(expected)
    assert len(networks) == 2
    other = Scorer(own, backend="openvino")
    changed = real(own)
    with torch.no_grad():
        changed.model.regressor.head.fc_last.bias.add_(1)
    save_model(own, *changed)
    with pytest.raises(ModelError, match="has other weights now; make a new Scorer"):
        other.token_scores(views)


_SCORERS_THAT_COME_AND_GO = """
import gc, signal, subprocess, sys
from sslvqa import Scorer
signal.signal(signal.SIGCHLD, lambda *_: None)
first = Scorer(sys.argv[1], backend="openvino")
second = Scorer(sys.argv[1], backend="openvino")
del first
gc.collect()
del second
gc.collect()
subprocess.run([sys.executable, "-c", ""], check=True)
"""


@needs_openvino
def test_a_signal_after_scorers_that_came_and_went_kills_nothing(model_dir):
    subprocess.run([sys.executable, "-c", _SCORERS_THAT_COME_AND_GO, str(model_dir)], check=True)

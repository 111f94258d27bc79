"""One suite for every method; a new method adds a case."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from sslvqa.data.levels import known_order
from sslvqa.errors import ConfigError
from sslvqa.hub.names import Architecture, build_model, build_single
from sslvqa.losses import plcc_loss, ranking_loss
from sslvqa.methods import (
    Batch,
    Compute,
    Distil,
    FixMatch,
    MeanTeacher,
    MetaPseudoLabels,
    Method,
    MixMatch,
    SslVqa,
    StVqrl,
    Supervised,
)
from sslvqa.methods.mixmatch import mix_fragments
from sslvqa.methods.supervised import ramp_up, standardise
from sslvqa.nn.heads import Projection
from sslvqa.nn.quality import QualityScores, RegressorModel
from sslvqa.nn.swin3d.model import SwinBackbone, SwinConfig
from sslvqa.sampling import ViewGeometry

TINY = Architecture(
    "tiny",
    backbone=SwinConfig(
        embed_dim=8, depths=(1, 1), heads=(2, 2), window=(2, 4, 4), gate="none", gated_stages=(), fragments=2
    ),
    geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1),
    head_channels=8,
    projection_channels=6,
)
STEADY = replace(TINY, backbone=replace(TINY.backbone, drop_path=0.0))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*shape, 3, 4, 32, 32), generator=generator, dtype=torch.uint8)


def graded(count: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs of views whose contrast grows with the score."""
    contrast = torch.linspace(0.1, 1.0, count)
    centred = noise(count, 2, seed=seed).float() - 128
    views = (128 + contrast.view(-1, 1, 1, 1, 1, 1) * centred).round().to(torch.uint8)
    return views, 100 * contrast


def stvqrl(**options) -> StVqrl:
    torch.manual_seed(0)
    backbone = SwinBackbone(STEADY.backbone)
    projection = Projection(backbone.channels, out_channels=6)
    return StVqrl(backbone, projection, **options)


def ssl_vqa(**options) -> SslVqa:
    torch.manual_seed(0)
    model = build_model(STEADY)
    model.regressor.head.dropout = 0.0
    return SslVqa(model, **options)


def regressor() -> RegressorModel:
    return ssl_vqa().model.regressor


def teacher_scores(views: torch.Tensor) -> QualityScores:
    """Two scores of uint8 views that a network can see: contrast and brightness."""
    flat = views.float().flatten(1)
    return QualityScores(0.1 * flat.std(dim=1) - 2, 0.5 + flat.mean(dim=1) / 500)


def distil(kind: str = "student", **options) -> Distil:
    torch.manual_seed(0)
    model = build_single(replace(STEADY, kind=kind, head_dropout=0.0))
    only_r = kind == "regressor"
    method = Distil(
        model,
        lambda views: QualityScores(teacher_scores(views).q_r) if only_r else teacher_scores(views),
        **options,
    )
    method.set_scale(graded(8, seed=4)[0].flatten(0, 1), same_regressor=False)
    return method


def group_batch() -> Batch:
    views, _ = graded(4)
    return Batch(groups=torch.stack([views, graded(4, seed=5)[0]]))


def quality_batch(*, unlabelled: bool = True) -> Batch:
    views, scores = graded(6)
    return Batch(
        labelled=views,
        scores=scores,
        unlabelled=graded(8, seed=9)[0] if unlabelled else None,
        corpus=noise(3, seed=3),
        refresh_corpus=True,
        progress=0.5,
    )


def ranked_batch() -> Batch:
    """A quality batch with two scenes whose versions' contrast falls with their level."""
    groups = torch.stack([graded(4, seed=seed)[0].flip(0)[:, :1] for seed in (5, 6)])
    levels = known_order([("reference", 0), ("contrast", 1), ("contrast", 2), ("contrast", 3)])
    return replace(quality_batch(), groups=groups, levels=levels.expand(2, -1, -1))


ONE_REGRESSOR = {
    "supervised": lambda **options: Supervised(regressor(), **options),
    "mean_teacher": lambda **options: MeanTeacher(regressor(), **options),
    "fixmatch": lambda **options: FixMatch(regressor(), **options),
    "mixmatch": lambda **options: MixMatch(regressor(), grid=2, **options),
    "meta_pseudo_labels": lambda **options: MetaPseudoLabels(regressor(), **options),
}
CASES = {
    **{name: (build, quality_batch) for name, build in ONE_REGRESSOR.items()},
    "distil": (distil, quality_batch),
    "distil_regressor": (lambda: distil("regressor"), quality_batch),
    "stvqrl": (stvqrl, group_batch),
    "stvqrl_cosine": (lambda: stvqrl(loss="cosine"), group_batch),
    "stvqrl_cross_scene": (lambda: stvqrl(cross_scene=True), group_batch),
    "ssl_vqa": (ssl_vqa, quality_batch),
    "ssl_vqa_released": (lambda: ssl_vqa(plcc="released", temperature=100.0), quality_batch),
    "ssl_vqa_minus": (ssl_vqa, lambda: quality_batch(unlabelled=False)),
    "ssl_vqa_ranked": (ssl_vqa, ranked_batch),
    "ssl_vqa_without_consistency": (lambda: ssl_vqa(consistency=False), quality_batch),
    "ssl_vqa_without_transfer": (lambda: ssl_vqa(transfer=False), quality_batch),
}


@pytest.fixture(params=CASES)
def case(request):
    build, batch = CASES[request.param]
    return build(), batch()


def gradients(method: Method) -> dict[str, float]:
    return {
        f"{name}.{path}": 0.0 if parameter.grad is None else float(parameter.grad.abs().sum())
        for name, module in method.trainable().items()
        for path, parameter in module.named_parameters()
    }


def has_no_effect(name: str) -> bool:
    """A constant added to all keys of a softmax, or to all scores of a correlation, changes nothing."""
    return name.endswith("fc_last.bias")


def test_every_trainable_parameter_gets_a_finite_gradient_and_nothing_else_gets_one(case):
    method, batch = case
    assert isinstance(method, Method)
    method.train().step(batch).total.backward()
    found = gradients(method)
    assert all(torch.isfinite(torch.tensor(list(found.values()))))
    assert [name for name, size in found.items() if size == 0 and not has_no_effect(name)] == []
    trained = {id(p) for module in method.trainable().values() for p in module.parameters()}
    assert [
        name for name, p in method.named_parameters() if p.grad is not None and id(p) not in trained
    ] == []


def test_a_few_steps_lower_the_loss(case):
    method, batch = case
    method.train()
    parameters = [p for module in method.trainable().values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = method.step(batch).total
        torch.autograd.backward(loss)
        optimizer.step()
        method.after_step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_the_result_does_not_depend_on_how_views_are_chunked(case):
    method, batch = case
    torch.manual_seed(0)
    whole = method.step(batch).total
    whole.backward()
    expected = {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}
    method.zero_grad()
    method._compute = Compute(chunk=3)
    torch.manual_seed(0)
    parts = method.step(batch).total
    parts.backward()
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    for name, p in method.named_parameters():
        if name in expected:  # gradients through distances of few tokens amplify rounding
            torch.testing.assert_close(p.grad, expected[name], rtol=2e-2, atol=1e-4)


@pytest.fixture
def traced(monkeypatch):
    """Compile by tracing only, which needs no C++ compiler."""
    real = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **_: real(function, backend="aot_eager", fullgraph=True)
    )
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("chunk", [0, 3])
@pytest.mark.parametrize("build", ["stvqrl", "ssl_vqa", "meta_pseudo_labels"])
def test_compiled_steps_are_those_of_the_networks_as_they_are(build, chunk, traced):
    method, batch = (stvqrl(), group_batch()) if build == "stvqrl" else (ssl_vqa(), quality_batch())
    if build in ONE_REGRESSOR:
        method = ONE_REGRESSOR[build]()
    method._compute = Compute(chunk=chunk, compiled=True)
    totals, found = [], []
    for _ in range(3):  # as it is, compiled, again
        method.zero_grad()
        torch.manual_seed(0)
        total = method.step(batch).total
        total.backward()
        totals.append(total.item())
        found.append({name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None})
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-5)
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[2][name], gradient, rtol=1e-3, atol=1e-5)


def test_bf16_is_close_to_float32(case):
    method, batch = case
    torch.manual_seed(0)
    whole = method.step(batch).total.item()
    method._compute = Compute(bf16=True)
    torch.manual_seed(0)
    rounded = method.step(batch).total
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(whole, rel=0.25, abs=0.1)


def test_the_unlabelled_loss_alone_moves_exactly_the_less_consistent_model():
    method = ssl_vqa()
    output = method.step(quality_batch())
    output.losses["transfer"].backward()
    found = gradients(method)
    moved = {name.split(".")[0] for name, size in found.items() if size > 0}
    # the terms on the unlabelled batch decide, so compute them anew
    with torch.no_grad():
        q_r, q_d = method._score_pairs([quality_batch().unlabelled])
    spread_r, spread_d = (1 - torch.corrcoef(q[0].T)[0, 1] for q in (q_r, q_d))
    assert moved == ({"regressor"} if spread_r > spread_d else {"distance"})


def test_without_consistency_knowledge_goes_both_ways():
    method = ssl_vqa(consistency=False)
    output = method.step(quality_batch())
    assert set(output.losses) == {"supervised_r", "supervised_d", "transfer"}
    output.losses["transfer"].backward()
    assert {name.split(".")[0] for name, size in gradients(method).items() if size} == {
        "regressor",
        "distance",
    }


def test_without_unlabelled_videos_it_is_the_supervised_method():
    method = ssl_vqa()
    minus = method.step(quality_batch(unlabelled=False)).losses
    assert set(minus) == {"supervised_r", "supervised_d", "consistency_r", "consistency_d"}
    full = method.step(quality_batch()).losses
    for name in ("supervised_r", "supervised_d"):
        torch.testing.assert_close(minus[name], full[name])


def test_versions_of_known_order_add_a_ranking_loss_of_both_models_and_change_no_other():
    plain, ranked = ssl_vqa().step(quality_batch()).losses, ssl_vqa().step(ranked_batch()).losses
    assert set(ranked) - set(plain) == {"ranking_r", "ranking_d"}
    for name in plain:
        torch.testing.assert_close(ranked[name], plain[name])
    with pytest.raises(ConfigError, match="order is known"):
        ssl_vqa().step(replace(ranked_batch(), levels=None))


def test_one_network_learns_the_order_of_levels_too():
    batch, levels = ranked_batch(), ranked_batch().levels
    method = Supervised(regressor(), ranking_weight=3.0, ranking_temperature=0.5)
    losses = method.step(batch).losses
    assert set(losses) == {"supervised", "ranking"}
    torch.testing.assert_close(losses["supervised"], method.step(quality_batch()).losses["supervised"])
    with torch.no_grad():
        scores = method.scores(batch.groups.flatten(0, 2)).view(batch.groups.shape[:3])
        spread = method.label_scores(batch.labelled).std()
    expected = 3 * ranking_loss(scores, levels, spread=spread, temperature=0.5)
    torch.testing.assert_close(losses["ranking"].detach(), expected)


def test_the_temperature_of_the_order_is_that_of_both_models():
    losses = {
        value: ssl_vqa(ranking_temperature=value).step(ranked_batch()).losses for value in (0.25, 100.0)
    }
    for name in ("ranking_r", "ranking_d"):
        assert losses[100.0][name].item() == pytest.approx(math.log(2), abs=0.02)
        assert losses[0.25][name].item() != pytest.approx(math.log(2), abs=0.02)


def test_the_weights_of_the_terms_scale_them():
    batch = ranked_batch()
    plain = ssl_vqa().step(batch)
    scaled = ssl_vqa(consistency_weight=2.0, transfer_weight=0.5, ranking_weight=3.0).step(batch)
    for name in ("ranking_r", "ranking_d"):
        torch.testing.assert_close(scaled.losses[name], 3 * plain.losses[name])
    torch.testing.assert_close(scaled.losses["consistency_d"], 2 * plain.losses["consistency_d"])
    torch.testing.assert_close(scaled.losses["transfer"], plain.losses["transfer"] / 2)


def test_both_views_can_be_supervised_which_is_the_mean_of_two_losses():
    batch = quality_batch()
    swapped = replace(batch, labelled=batch.labelled.flip(1))
    both = ssl_vqa(supervised_views=2).step(batch).losses
    one, other = ssl_vqa().step(batch).losses, ssl_vqa().step(swapped).losses
    for name in ("supervised_r", "supervised_d"):
        torch.testing.assert_close(both[name], (one[name] + other[name]) / 2)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("supervised", "supervised"),
        ("mean_teacher", "supervised"),
        ("meta_pseudo_labels", "teacher_supervised"),
    ],
)
def test_methods_with_one_regressor_can_supervise_both_views_too(name, loss):
    batch = quality_batch()
    swapped = replace(batch, labelled=batch.labelled.flip(1))
    build = ONE_REGRESSOR[name]
    both = build(supervised_views=2).step(batch).losses[loss]
    one, other = (build().step(item).losses[loss] for item in (batch, swapped))
    torch.testing.assert_close(both, (one + other) / 2)


def test_the_corpus_statistics_are_refreshed_only_when_asked():
    method = ssl_vqa()
    batch = quality_batch()
    method.step(batch)
    before = method.model.distance.corpus_mean.clone()
    with torch.no_grad():
        for parameter in method.model.distance.backbone.parameters():
            parameter.mul_(1.1)
    method.step(replace(batch, corpus=None, refresh_corpus=False))
    assert torch.equal(before, method.model.distance.corpus_mean)
    method.step(replace(batch, corpus=None, refresh_corpus=True))
    assert not torch.equal(before, method.model.distance.corpus_mean)
    assert method.model.distance.corpus_mean.grad_fn is None
    with pytest.raises(ConfigError, match="no batch has given its clips"):
        ssl_vqa().step(replace(batch, corpus=None))


def test_it_overfits_eight_videos():
    method = ssl_vqa()
    views, scores = graded(8)
    batch = Batch(labelled=views, scores=scores, corpus=noise(4, seed=3), refresh_corpus=True)
    parameters = [p for module in method.trainable().values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        torch.autograd.backward(method.train().step(batch).total)
        optimizer.step()
    method.set_corpus([batch.corpus])
    q_r, q_d = method.predict_parts(views[:, 0])
    for predicted in (q_r, q_d, method.predict(views[:, 0])):
        assert torch.corrcoef(torch.stack([predicted, scores]))[0, 1] > 0.9
    assert method.training


def test_a_batch_of_another_stage_is_refused():
    with pytest.raises(ConfigError, match="no groups"):
        stvqrl().step(quality_batch())
    with pytest.raises(ConfigError, match="no labelled videos"):
        ssl_vqa().step(group_batch())
    with pytest.raises(ConfigError, match="no unlabelled videos"):
        distil().step(group_batch())
    with pytest.raises(ConfigError, match="gives no score"):
        stvqrl().predict(noise(2))


def test_constant_labels_and_equal_views_give_finite_gradients():
    method = ssl_vqa()
    same = noise(1, 1).expand(4, 2, -1, -1, -1, -1)
    batch = Batch(labelled=same, scores=torch.ones(4), unlabelled=same, corpus=noise(2), refresh_corpus=True)
    output = method.step(batch)
    output.total.backward()
    assert torch.isfinite(output.total)
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", ONE_REGRESSOR)
def test_without_unlabelled_videos_every_method_is_the_supervised_one(name):
    batch = quality_batch(unlabelled=False)
    expected = ONE_REGRESSOR["supervised"]().step(batch).losses
    found = ONE_REGRESSOR[name]().step(batch).losses
    assert set(found) == {"supervised"}
    torch.testing.assert_close(found["supervised"], expected["supervised"])


@pytest.mark.parametrize("name", [name for name in ONE_REGRESSOR if name != "supervised"])
def test_the_unlabelled_losses_alone_move_the_learner_and_no_average(name):
    method = ONE_REGRESSOR[name]()
    losses = method.step(quality_batch()).losses
    unlabelled = {key: value for key, value in losses.items() if "supervised" not in key}
    assert unlabelled
    torch.stack(list(unlabelled.values())).sum().backward()
    assert all(size > 0 for key, size in gradients(method).items() if not has_no_effect(key))
    assert all(p.grad is None for p in method.average.parameters())


def test_plain_fine_tuning_does_not_look_at_unlabelled_videos():
    full, minus = (ONE_REGRESSOR["supervised"]().step(quality_batch(unlabelled=x)) for x in (True, False))
    torch.testing.assert_close(full.total, minus.total)


def test_the_average_follows_the_learner_and_predicts():
    method = ONE_REGRESSOR["mean_teacher"](decay=0.5)
    method.after_step()
    views = noise(3)
    before = method.predict(views)
    with torch.no_grad():
        method.model.head.fc_last.weight.mul_(3)
    torch.testing.assert_close(method.predict(views), before)
    method.after_step()
    assert not torch.allclose(method.predict(views), before)


def test_the_pseudo_labels_of_a_meta_teacher_get_no_gradient_from_the_student():
    method = ONE_REGRESSOR["meta_pseudo_labels"]()
    method.step(quality_batch()).losses["student"].backward()
    moved = {name.split(".")[0] for name, size in gradients(method).items() if size > 0}
    assert moved == {"backbone", "head"}


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, -1.0)])
def test_feedback_says_whether_the_pseudo_labels_agree_with_the_labels(sign, expected):
    method = ONE_REGRESSOR["meta_pseudo_labels"]()
    found = method._gradients(method.step(quality_batch(unlabelled=False)).total)
    other = tuple(sign * gradient for gradient in found)
    assert float(method._feedback(other, found)) == pytest.approx(expected, abs=1e-4)


def test_in_the_end_a_meta_student_learns_from_labels_alone():
    late = ONE_REGRESSOR["meta_pseudo_labels"]().step(replace(quality_batch(), progress=0.95)).losses
    plain = ONE_REGRESSOR["supervised"]().step(quality_batch()).losses
    torch.testing.assert_close(late["student"], plain["supervised"])


def test_fixmatch_keeps_the_videos_on_which_two_views_agree():
    method = ONE_REGRESSOR["fixmatch"]()
    batch = quality_batch()
    weak = [standardise(method.target_scores(batch.unlabelled[:, view])) for view in (0, 1)]
    order = (weak[0] - weak[1]).abs().argsort()
    kept = order[: 1 + int(0.55 * 7)]  # of 8 videos, those up to the quantile 0.55, half way through the run
    strong = method.scores(batch.unlabelled[kept, 1].flip(-1))
    expected = plcc_loss(strong, (weak[0] + weak[1])[kept])
    torch.testing.assert_close(method.eval().step(batch).losses["pseudo"], expected)
    few = replace(batch, unlabelled=batch.unlabelled[:3])
    loss = method.step(few).losses["pseudo"]
    assert loss.item() == 0
    loss.backward()


def test_a_mixed_view_has_whole_rows_of_fragments_of_each_video():
    first, second = noise(2, seed=1), noise(2, seed=2)
    mixed = mix_fragments(first, second, rows=1, grid=2)
    assert torch.equal(mixed[..., :16, :], first[..., :16, :])
    assert torch.equal(mixed[..., 16:, :], second[..., 16:, :])
    assert torch.equal(mix_fragments(first, second, rows=2, grid=2), first)
    with pytest.raises(ConfigError, match="2 or more"):
        MixMatch(regressor(), grid=1)


def test_ramps_rise_to_one_and_standard_scores_have_deviation_one():
    values = [ramp_up(progress) for progress in (0.0, 0.1, 0.2, 0.4, 1.0)]
    assert values == sorted(values)
    assert (values[0], values[-2:]) == (pytest.approx(0.0067, abs=1e-4), [1.0, 1.0])
    scores = torch.tensor([3.0, 5.0, 10.0])
    torch.testing.assert_close(standardise(scores).std(correction=0), torch.tensor(1.0))
    assert torch.equal(standardise(torch.ones(3)), torch.zeros(3))
    torch.testing.assert_close(standardise(scores[:1], scores), standardise(scores)[:1])


def test_a_student_that_starts_as_its_teacher_has_no_error_and_keeps_its_scores():
    torch.manual_seed(0)
    model = build_single(replace(STEADY, kind="student", head_dropout=0.0))
    teacher = build_single(replace(STEADY, kind="student", head_dropout=0.0))
    teacher.load_state_dict(model.state_dict())
    method = Distil(model, lambda views: Compute()(lambda x: torch.stack(teacher(x), dim=1), views).unbind(1))
    batch = quality_batch()
    views = batch.unlabelled.flatten(0, 1)
    expected = method.eval()._teacher(views)
    method.set_scale(views, same_regressor=True)
    losses = method.step(batch).losses
    assert losses["error_r"].item() == pytest.approx(0, abs=1e-8)
    assert losses["order_r"].item() == pytest.approx(0, abs=1e-5)
    assert losses["error_d"].item() > 1e-3, "its Q_D is on the scale of learning, not of the teacher"
    torch.testing.assert_close(method.predict(views), expected[0].detach(), atol=1e-4, rtol=1e-4)
    distilled = Compute()(lambda x: torch.stack(method.distilled()(x), dim=1), views)
    parts = method.predict_parts(views)
    torch.testing.assert_close(distilled.detach(), torch.stack(parts, dim=1), atol=1e-4, rtol=1e-4)


def test_at_first_only_the_new_head_of_a_student_learns():
    method, batch = distil(head_first=0.5), quality_batch()
    method.step(replace(batch, progress=0.4)).total.backward()
    moved = {name for name, size in gradients(method).items() if size > 0}
    assert moved
    assert {name.split(".")[0] for name in moved} == {"distance_head"}
    method.step(replace(batch, progress=0.5)).total.backward()
    assert all(size > 0 for size in gradients(method).values())
    single = distil("regressor", head_first=0.5)
    single.step(replace(batch, progress=0.4)).total.backward()
    assert all(size > 0 for name, size in gradients(single).items() if not name.endswith("fc_last.bias"))


def test_a_student_overfits_its_teacher_on_eight_videos():
    method = distil()
    batch = Batch(unlabelled=graded(8)[0])
    parameters = [p for module in method.trainable().values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(method.train().step(batch).total)
        optimizer.step()
    views = batch.unlabelled.flatten(0, 1)
    for mine, other in zip(method.predict_parts(views), teacher_scores(views), strict=True):
        assert torch.corrcoef(torch.stack([mine, other]))[0, 1] > 0.9
        assert (mine - other).abs().mean() < 0.5 * other.std()


def test_a_constant_teacher_gives_a_finite_loss():
    method = Distil(
        build_single(replace(STEADY, kind="student")),
        lambda views: QualityScores(torch.ones(len(views)), torch.ones(len(views))),
    )
    method.set_scale(noise(4), same_regressor=True)
    total = method.step(quality_batch()).total
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)


def test_options_of_the_baselines_have_their_effect():
    batch = replace(quality_batch(), progress=0.1)

    def loss(name: str, key: str, **options) -> float:
        torch.manual_seed(3)
        return ONE_REGRESSOR[name](**options).eval().step(batch).losses[key].item()

    assert loss("mean_teacher", "consistency", ramp=0.0) > loss("mean_teacher", "consistency")
    assert loss("fixmatch", "pseudo", kept=(1.0, 1.0)) != loss("fixmatch", "pseudo", kept=(0.5, 0.5))
    assert loss("fixmatch", "pseudo", kept=(0.01, 0.01)) == 0, "one video is too few"
    half = loss("meta_pseudo_labels", "student", fine_tuning=0.95)
    assert half == pytest.approx(loss("supervised", "supervised"))
    learned = ONE_REGRESSOR["mean_teacher"]()
    assert learned.learned is learned.average.module
    assert ONE_REGRESSOR["supervised"]().predict_parts(noise(2)).q_d is None

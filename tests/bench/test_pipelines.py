"""The slow reference and the staged scoring give the same numbers; what they handle is counted."""

from dataclasses import replace

import pytest
import torch

from sslvqa.bench import (
    Job,
    count_flop,
    eager_model,
    measure,
    median_stages,
    random_model,
    run_reference,
    run_stages,
)
from sslvqa.bench.reference import check_stack
from sslvqa.errors import ConfigError, VideoError, VideoLimitError
from sslvqa.nn import SwinBackbone, SwinConfig
from sslvqa.video import open_video, probe


@pytest.mark.parametrize("gate", ["distance", "binary", "none"])
def test_eager_attention_equals_the_backbone(gate):
    generator = torch.Generator().manual_seed(2)
    config = SwinConfig(
        embed_dim=8, depths=(2, 2), heads=(1, 2), window=(2, 3, 3), gate=gate, gated_stages=(0,), fragments=3
    )
    backbone = SwinBackbone(config, generator=generator).eval()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    views = torch.randn(2, 3, 8, 40, 28, generator=generator)
    with torch.inference_mode():
        torch.testing.assert_close(eager_model(backbone)(views), backbone(views), atol=1e-5, rtol=1e-5)


def test_the_straightforward_pipeline_gives_our_scores_with_far_more_work(scorer, clip):
    with open_video(clip) as video:
        plans, frames = scorer.plan(video.info), video.info.frame_count
    slow, reference = run_reference(clip, model=eager_model(scorer.model), plans=plans, threads=1)
    fast, ours = run_stages(scorer, clip)
    torch.testing.assert_close(slow.q_r, fast.q_r, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(slow.q_d, fast.q_d, atol=1e-5, rtol=1e-5)
    assert reference.frames_decoded == frames
    assert reference.pixels_converted == frames * 96 * 80
    wanted = {index for plan in plans for index in plan.clip.indices}
    assert len(wanted) <= ours.frames_decoded <= max(wanted) + 1
    assert ours.pixels_converted < reference.pixels_converted / 2


def test_stages_add_up_to_the_total(scorer, clip):
    runs = [run_stages(scorer, clip)[1] for _ in range(2)]
    for stages in (*runs, median_stages(runs)):
        values = stages.to_dict()
        parts = [values[f"{name}_seconds"] for name in ("probe", "decode", "cut", "forward", "rest")]
        assert sum(parts) == pytest.approx(stages.total_seconds)
        assert all(part > 0 for part in parts[:4])


def test_random_models_are_repeatable_and_leave_the_generator_alone():
    before = torch.get_rng_state()
    first, second = (random_model("nano", seed=3).model.state_dict() for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert random_model("nano").card.name == "nano.random"
    with pytest.raises(ConfigError, match="no architecture named 'mikro'"):
        random_model("mikro")


def test_the_operations_of_both_networks_are_counted(scorer):
    views = torch.zeros(1, 3, 4, 32, 32)
    once = count_flop(eager_model(scorer.model), views)
    assert once > 2e5
    assert count_flop(eager_model(scorer.model), views.repeat(2, 1, 1, 1, 1)) == 2 * once


def test_what_the_straightforward_pipeline_cannot_take_is_refused(clip):
    info = replace(probe(clip), frame_count=300, width_px=1920, height_px=1080)
    check_stack(info, view_px=128)
    with pytest.raises(VideoLimitError, match="give a shorter file"):
        check_stack(replace(info, frame_count=3000), view_px=128)
    with pytest.raises(VideoError, match=r"turned by 90 degrees .* use --no-reference"):
        check_stack(replace(info, rotation_degrees=90), view_px=128)
    with pytest.raises(VideoError, match=r"smaller than a view of 128 px .* use --no-reference"):
        check_stack(replace(info, height_px=120), view_px=128)


def test_a_pipeline_is_measured_in_a_process_of_its_own(model_dir, clip):
    job = Job(str(clip), model=str(model_dir), clips=1, threads=1, runs=1)
    times = measure._apart(measure.measure_ours, job)
    assert len(times.q_r) == len(times.q_d) == 1
    assert 0 < times.start_seconds < 600
    assert times.peak_rss_bytes > 1e7

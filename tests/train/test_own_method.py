"""A method of one's own from a Python file, and runs that stop by the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sslvqa.errors import ConfigError
from sslvqa.hub import load_card
from sslvqa.methods import Supervised
from sslvqa.train import Interrupted, train
from sslvqa.train.build import load_method

SOURCE = """
from __future__ import annotations

from dataclasses import dataclass

from sslvqa.losses import plcc_loss
from sslvqa.methods import Supervised

class Agree(Supervised):
    def unlabelled_losses(self, batch):
        first, second = (self.scores(batch.unlabelled[:, view]) for view in (0, 1))
        return {"agree": self.weight * plcc_loss(first, second, kind=self.plcc)}

@dataclass
class Other:
    weight: float = 1.0
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "agree.py"
    path.write_text(SOURCE)
    return path


def test_a_class_in_a_file_is_a_method_and_its_card_names_no_folder(config, file, tmp_path):
    assert issubclass(load_method(f"{file}:Agree"), Supervised)
    model = train(replace(config, method=f"{file}:Agree", pristine=None, max_steps=1))
    assert '"agree"' in (tmp_path / "run" / "metrics.jsonl").read_text()
    card = load_card(model)
    assert card.training.method == "agree.py:Agree"
    assert str(tmp_path) not in card.model_dump_json()


@pytest.mark.parametrize("name", ["Other", "Nothing"])
def test_a_class_that_is_no_method_is_refused(file, name):
    with pytest.raises(ConfigError, match=rf"has no class {name} derived from sslvqa.methods.Supervised"):
        load_method(f"{file}:{name}")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no file .*mine.py; expected FILE.py:CLASS"):
        load_method(f"{tmp_path}/mine.py:Agree")


def test_a_word_that_is_no_method_is_refused(config):
    with pytest.raises(ConfigError, match=r"method is 'agree'; expected ssl_vqa, .*, or FILE.py:CLASS"):
        replace(config, method="agree")


def test_a_run_stops_with_a_checkpoint_when_its_minutes_are_over(config):
    with pytest.raises(Interrupted, match="stopped after step 1 of 5"):
        train(replace(config, runtime=replace(config.runtime, stop_minutes=1e-6)))
    with pytest.raises(ConfigError, match="stop_minutes is 0; expected a positive number"):
        replace(config.runtime, stop_minutes=0)

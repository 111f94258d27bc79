import pytest
import torch

from sslvqa.errors import DataError
from sslvqa.sampling import normalize


def test_each_channel_is_moved_and_scaled_by_its_own_constants():
    views = torch.randint(0, 256, (2, 3, 4, 5, 5), dtype=torch.uint8)
    out = normalize(views)
    assert out.dtype == torch.float32
    for channel, (mean, std) in enumerate([(123.675, 58.395), (116.28, 57.12), (103.53, 57.375)]):
        expected = (views[:, channel].double() - mean) / std
        torch.testing.assert_close(out[:, channel].double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_any_leading_axes_are_kept(lead):
    assert normalize(torch.zeros(*lead, 3, 2, 4, 4, dtype=torch.uint8)).shape == (*lead, 3, 2, 4, 4)


def test_floats_are_refused_so_that_nothing_is_normalised_twice():
    with pytest.raises(DataError, match="float32"):
        normalize(torch.zeros(3, 2, 4, 4))


def test_channels_elsewhere_are_refused():
    with pytest.raises(DataError, match=r"\(2, 3, 4, 4\)"):
        normalize(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))

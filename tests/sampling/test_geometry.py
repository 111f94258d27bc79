import pytest

from sslvqa.errors import ConfigError
from sslvqa.sampling import ViewGeometry


def test_the_default_geometry_is_the_papers():
    geometry = ViewGeometry()
    assert (geometry.size_px, geometry.frames, geometry.span_frames) == (224, 32, 63)


@pytest.mark.parametrize("field", ["grid", "fragment_px", "frames", "interval"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_a_value_that_is_no_positive_integer_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=field):
        ViewGeometry(**{field: value})

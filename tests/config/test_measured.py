from dataclasses import replace

import pytest

from hdray.config.measured import measured
from hdray.config.presets import PRESETS
from hdray.config.tree import Config, InputSettings
from hdray.metrics.names import OF_CATEGORIES

DEMO = PRESETS["demo"]()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (DEMO, False),
        (replace(DEMO, inputs=InputSettings(chairs=0, lamps=3, mugs=3)), True),
        (replace(DEMO, data="s3://shapes"), True),
        (replace(PRESETS["airplanes-points"](), data="s3://shapes"), False),
    ],
)
def test_categories_are_told_apart_of_fields_where_there_may_be_several(config: Config, told: bool) -> None:
    assert (set(OF_CATEGORIES) <= set(measured(config))) == told
    assert told or not set(OF_CATEGORIES) & set(measured(config))


def test_data_that_are_not_named_yet_may_have_several_categories() -> None:
    assert set(OF_CATEGORIES) <= set(measured(DEMO, needs_data=True))

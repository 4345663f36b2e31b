from dataclasses import replace

import pytest

from hdray.config.presets import PRESETS
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.metrics.protocols import protocol_named
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.run_protocol import check_numbers, evaluation_file, protocol_of


def with_(protocol: str, points: int = 0, count: int = 24) -> Config:
    config = PRESETS["airplanes"]()
    evaluate = EvaluateSettings(protocol=protocol, points=points)
    return replace(config, evaluate=evaluate, generate=replace(config.generate, count=count))


def test_a_run_has_the_protocol_of_its_configuration() -> None:
    """airplanes keep 2,048 points of each surface."""
    assert protocol_of(with_("hyperdiffusion-paper")) == protocol_named("hyperdiffusion-paper")
    assert protocol_of(with_("hyperdiffusion-code", 2_048)) == protocol_named("hyperdiffusion-code")
    assert protocol_of(with_("none", 2_048)) == protocol_of(with_("none")) == protocol_named("none")
    fewer = protocol_of(with_("hyperdiffusion-code", 512))
    assert (fewer.name, fewer.points) == ("hyperdiffusion-code, changed to 512 points", 512)


def test_a_file_a_protocol() -> None:
    assert evaluation_file(with_("mlora")) == ("evaluations", "mlora.json")
    assert evaluation_file(with_("none", 1_024)) == ("evaluations", "none-changed-to-1024-points.json")


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("hyperdiffusion")])
def test_published_presets_are_measured_as_published(name: str) -> None:
    """The numbers of shapes that each generates are enough for its protocol, and no more than its protocol looks at."""
    config = PRESETS[name]()
    protocol = protocol_of(config)
    moving, paper = config.signal.frames == 16, name.endswith("-paper")
    expected = (
        ("none" if paper else "hyperdiffusion-4d") if moving else f"hyperdiffusion-{'paper' if paper else 'code'}"
    )
    assert protocol == protocol_named(expected)
    references = {"chair": 1_017, "car": 530, "4d": 266}.get(name.split("-")[1], 606)
    check_numbers(references, config)
    if protocol.equal:
        with pytest.raises(UserError):
            check_numbers(2 * config.generate.count, config)
    assert config.evaluate.deduplicate == (name == "hyperdiffusion-chair-code")


def test_too_few_shapes_are_seen_before_any_work() -> None:
    check_numbers(1, with_("none"))
    check_numbers(24, with_("hyperdiffusion-paper"))
    check_numbers(10, with_("hyperdiffusion-code", count=11))
    check_numbers(10, with_("nef-gpt"))
    with pytest.raises(UserError, match=r"the split test has 25 shapes, and 24 are .* --generate\.count 25 or more"):
        check_numbers(25, with_("hyperdiffusion-paper"))
    with pytest.raises(UserError, match=r"give --generate\.count 22 or more"):
        check_numbers(20, with_("hyperdiffusion-code", count=20))
    with pytest.raises(UserError, match="compares with 2048 reference shapes, and the split test has 300"):
        check_numbers(300, with_("mlora", count=2_048))
    with pytest.raises(UserError, match=r"give --generate\.count 2048 or more"):
        check_numbers(3_000, with_("mlora", count=2_047))

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
    check_numbers(32, with_("nef-gpt", count=32))
    check_numbers(3_000, with_("mlora", count=2_048))
    with pytest.raises(
        UserError, match=r"takes 25 generated shapes where the split test has 25 references, and 24 are"
    ):
        check_numbers(25, with_("hyperdiffusion-paper"))
    for references, config, wanted in (
        (20, with_("hyperdiffusion-code", count=20), 22),
        (40, with_("nef-gpt", count=31), 32),
        (3_000, with_("mlora", count=2_047), 2_048),
    ):
        with pytest.raises(UserError, match=rf"give --generate\.count {wanted} or more"):
            check_numbers(references, config)
    for protocol, shapes in (("mlora", 2_048), ("nef-gpt", 32)):
        with pytest.raises(UserError, match=f"takes {shapes} reference shapes, and the split test has 31"):
            check_numbers(31, with_(protocol, count=3_000))

"""Which generators go with which fields, and keys that came after the first runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.load import from_yaml, result_keys
from hdray.config.presets import PRESETS
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.generate_stage import generate_keys
from hdray.pipeline.run_directory import RunDirectory


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("field: {kind: voxels}", "generator.kind = 'hyperdiffusion' is not accepted; it must be voxel-diffusion"),
        ("generator: {kind: point-diffusion}", "it must be hyperdiffusion with field.kind = mlp"),
        ("{field: {kind: points}, generator: {kind: voxel-diffusion}}", "it must be point-diffusion"),
        ("field: {kind: grid}", "one of mlp, voxels, points, fourier-mlp, lora, mlora, mnif"),
        (
            "generator: {kind: gan}",
            "one of hyperdiffusion, voxel-diffusion, latent-diffusion, point-diffusion, lora-diffusion",
        ),
        (
            "{preset: airplanes-voxels, field: {voxels: 20}}",
            "field.voxels = 20 is not accepted; it must be a multiple of 8",
        ),
        ("{preset: airplanes-points, generator: {normalisation: dimension}}", "none or scalar with point-diffusion"),
        ("{preset: airplanes-points, generator: {width: 36, heads: 6}}", "generator.width = 36"),
        ("field: {kind: mnif}", "it must be latent-diffusion with field.kind = mnif"),
        ("{field: {kind: mnif}, generator: {kind: latent-diffusion, width: 72, heads: 8}}", "generator.width = 72"),
        ("{field: {kind: mnif}, generator: {kind: latent-diffusion, layers: 3}}", "generator.layers = 3"),
        ("{field: {kind: mnif, mixing: layer}}", "mixing = 'layer' is not accepted"),
        (
            "{preset: mnif-small-paper, shared: {zero_stage: 3}}",
            "shared.zero_stage = 3 is not accepted; it must be 0, 1 or 2 with field.kind = mnif",
        ),
        (
            "{preset: mnif-small-paper, shared: {precision: bf16}}",
            "shared.precision = 'bf16' is not accepted; it must be fp32",
        ),
        (
            "{preset: mlora-lora-paper, shared: {zero_stage: 3}}",
            "shared.zero_stage = 3 is not accepted; it must be 0, 1 or 2",
        ),
        (
            "{preset: mnif-small-paper, shared: {workers: 3}}",
            "workers = 3 is not accepted; it must be a divisor of batch_size = 32",
        ),
        ("{generator: {noise_schedule: sine}}", "noise_schedule = 'sine' is not accepted"),
        (
            "{preset: airplanes-points, signal: {frames: 16}, generate: {mesh_format: glb}}",
            "field.kind = 'points' is not accepted; it must be one of mlp, voxels, fourier-mlp, or a kind of your own that holds",
        ),
        ("{preset: animals-voxels, signal: {time: index}}", "signal.time = 'index' is not accepted; it must be box"),
        (
            "generate: {legacy_grid: true}",
            "generate.method = 'coarse-to-fine' is not accepted; it must be dense with generate.legacy_grid",
        ),
        (
            "{preset: airplanes-points, generate: {legacy_grid: true, method: dense}}",
            "False with field.kind = points, which has no surface",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(content: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        from_yaml(content.encode(), "a file")
    assert words in str(error.value)


def test_later_keys_are_recorded_only_where_they_say_something_new() -> None:
    before = result_keys(PRESETS["airplanes"](), "field", "generator")
    assert {"field.width", "generator.width"} <= before.keys()
    assert not {"field.kind", "field.voxels", "generator.kind", "generator.patch"} & before.keys()
    after = result_keys(PRESETS["airplanes-voxels"](), "field", "generator")
    assert (after["field.kind"], after["generator.kind"], after["generator.patch"]) == ("voxels", "voxel-diffusion", 2)


def test_runs_made_before_there_were_kinds_go_on_and_other_kinds_are_refused(tmp_path: Path) -> None:
    run = RunDirectory(str(tmp_path))
    # What such a run recorded: the keys of the mlp alone.
    recorded = {"field.width": 128, "field.layers": 3, "field.frequencies": 4, "field.frequency_base": 1.0}
    run.begin("fit", recorded, {}, "stages")
    run.check("fit", result_keys(Config(), "field"), {})
    config = Config()
    voxels = replace(
        config, field=replace(config.field, kind="voxels"), generator=PRESETS["airplanes-voxels"]().generator
    )
    with pytest.raises(UserError, match=r"field\.kind was at its default and is now 'voxels'"):
        run.check("fit", result_keys(voxels, "field"), {})


def test_samples_made_before_there_was_a_legacy_grid_go_on() -> None:
    config = Config()
    assert "generate.legacy_grid" not in generate_keys(config)
    legacy = replace(config, generate=replace(config.generate, legacy_grid=True, method="dense"))
    assert generate_keys(legacy)["generate.legacy_grid"] is True

"""What goes with what: generators with fields, grids with methods. Checked before any work, in the command line's words."""

from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.settings import check

GENERATORS_OF = {
    "mlp": ("hyperdiffusion",),
    "fourier-mlp": ("hyperdiffusion",),
    "lora": ("lora-diffusion", "hyperdiffusion"),
    "mlora": ("lora-diffusion", "hyperdiffusion"),
    "mnif": ("latent-diffusion",),
    "voxels": ("voxel-diffusion",),
    "points": ("point-diffusion",),
}
"""Each network knows the structure of one kind of vector: layers of weights, pairs, a grid, a latent, a set of points."""
HALVINGS = 2
"""How often the U-Net halves its grid."""


def check_pair(field: FieldSettings, generator: GeneratorSettings) -> None:
    """Raise ValueError, naming the key, for a generator that cannot model this field."""
    wanted = GENERATORS_OF[field.kind]
    right = f"{' or '.join(wanted)} with field.kind = {field.kind}"
    check("generator.kind", generator.kind, generator.kind in wanted, right)
    if field.kind == "voxels":
        multiple = generator.patch * 2**HALVINGS
        right = f"a multiple of {multiple}, which is {2**HALVINGS} times generator.patch"
        check("field.voxels", field.voxels, field.voxels % multiple == 0, right)
    if field.kind == "mnif":
        right = "a multiple of 16 with latent-diffusion, whose norms have 16 groups"
        check("generator.width", generator.width, generator.width % 16 == 0, right)
        right = "even with latent-diffusion, which has as many blocks down as up"
        check("generator.layers", generator.layers, generator.layers % 2 == 0, right)
    if field.kind == "points":
        # Points come in no order: a scale for each entry of the vector would be a scale for a random point.
        scaled_alike = generator.normalisation in ("none", "scalar")
        check("generator.normalisation", generator.normalisation, scaled_alike, "none or scalar with point-diffusion")
        multiple = 4 * generator.heads
        right = f"a multiple of {multiple}, 4 times generator.heads, with point-diffusion"
        check("generator.width", generator.width, generator.width % multiple == 0, right)


def check_grid(field: FieldSettings, generate: GenerateSettings) -> None:
    """Raise ValueError, naming the key, where the legacy grid is asked for and cannot be had."""
    if generate.legacy_grid:
        check("generate.method", generate.method, generate.method == "dense", "dense with generate.legacy_grid")
        gridded = field.kind != "points"
        check("generate.legacy_grid", True, gridded, "False with field.kind = points, which has no surface to extract")


def check_shared(field: FieldSettings, shared: SharedSettings, fit: FitSettings) -> None:
    """Raise ValueError, naming the key, for what the networks that fields share cannot be trained with, or fitted from."""
    if field.kind == "mnif":
        check("shared.precision", shared.precision, shared.precision == "fp32", "fp32 with field.kind = mnif")
        start = fit.initialisation == "random"
        check(
            "fit.initialisation",
            fit.initialisation,
            start,
            "random with field.kind = mnif, whose latents start at zero",
        )
    if field.kind in ("lora", "mlora", "mnif"):
        whole = shared.zero_stage <= 2
        check("shared.zero_stage", shared.zero_stage, whole, f"0, 1 or 2 with field.kind = {field.kind}")

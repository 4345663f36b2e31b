"""What goes with what: generators with fields, grids with methods. Checked before any work, in the command line's words."""

from hdray.fields.kinds import kind_of
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.settings import check

HALVINGS = 2
"""How often the U-Net halves its grid."""


def check_pair(field: FieldSettings, generator: GeneratorSettings) -> None:
    """Raise ValueError, naming the key, for a generator that cannot model this field.

    Each network knows the structure of one kind of vector: layers of weights, pairs, a grid, a latent, a set of points.
    """
    wanted = kind_of(field.kind).generators
    right = f"{' or '.join(wanted)} with field.kind = {field.kind}"
    check("generator.kind", generator.kind, generator.kind in wanted, right)
    if generator.kind == "voxel-diffusion":
        multiple = generator.patch * 2**HALVINGS
        right = f"a multiple of {multiple}, which is {2**HALVINGS} times generator.patch"
        check("field.voxels", field.voxels, field.voxels % multiple == 0, right)
    if generator.kind == "latent-diffusion":
        right = "a multiple of 16 with latent-diffusion, whose norms have 16 groups"
        check("generator.width", generator.width, generator.width % 16 == 0, right)
        right = "even with latent-diffusion, which has as many blocks down as up"
        check("generator.layers", generator.layers, generator.layers % 2 == 0, right)
    if generator.kind == "point-diffusion":
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
        right = f"False with field.kind = {field.kind}, which has no surface to extract"
        check("generate.legacy_grid", True, not kind_of(field.kind).cloud, right)


def check_shared(field: FieldSettings, shared: SharedSettings, fit: FitSettings) -> None:
    """Raise ValueError, naming the key, for what the networks that fields share cannot be trained with, or fitted from."""
    kind = kind_of(field.kind)
    if kind.zero_start:
        right = f"random with field.kind = {field.kind}, whose fits start at zero"
        check("fit.initialisation", fit.initialisation, fit.initialisation == "random", right)
    if kind.network is not None:
        for name, accepted in (("precision", kind.network.precisions), ("zero_stage", kind.network.zero_stages)):
            *others, last = map(str, accepted)
            right = f"{', '.join(others)} or {last}" if others else last
            value = getattr(shared, name)
            check(f"shared.{name}", value, value in accepted, f"{right} with field.kind = {field.kind}")

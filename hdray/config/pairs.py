"""Which generators model which fields: checked before any work, in the words of the command line."""

from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GeneratorSettings
from hdray.settings import check

GENERATOR_OF = {"mlp": "hyperdiffusion", "voxels": "voxel-diffusion", "points": "point-diffusion"}
"""Each network knows the structure of one kind of vector: layers of weights, a grid, a set of points."""
HALVINGS = 2
"""How often the U-Net halves its grid."""


def check_pair(field: FieldSettings, generator: GeneratorSettings) -> None:
    """Raise ValueError, naming the key, for a generator that cannot model this field."""
    wanted = GENERATOR_OF[field.kind]
    check("generator.kind", generator.kind, generator.kind == wanted, f"{wanted} with field.kind = {field.kind}")
    if field.kind == "voxels":
        multiple = generator.patch * 2**HALVINGS
        right = f"a multiple of {multiple}, which is {2**HALVINGS} times generator.patch"
        check("field.voxels", field.voxels, field.voxels % multiple == 0, right)
    if field.kind == "points":
        # Points come in no order: a scale for each entry of the vector would be a scale for a random point.
        scaled_alike = generator.normalisation in ("none", "scalar")
        check("generator.normalisation", generator.normalisation, scaled_alike, "none or scalar with point-diffusion")
        multiple = 4 * generator.heads
        right = f"a multiple of {multiple}, 4 times generator.heads, with point-diffusion"
        check("generator.width", generator.width, generator.width % multiple == 0, right)

"""Whether vectors and generators belong to the run's shared file: what a vector means depends on all that is in it.

Every fitted vector names the hash of the file it was fitted with (column shared_hash of the instances), and every generator
that of its vectors (header of model.safetensors). They are compared here, wherever either is read.
"""

from collections.abc import Sequence

from hdray.errors import UserError
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.model_file import model_header
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import read_bytes

PUT_BACK = "put back the shared/ folder that these were made with, or give another --run to fit all shapes again"


def check_vectors(run: RunDirectory, hashes: Sequence[str | None]) -> None:
    """Check that all vectors of the run with these hashes were fitted with its shared file.

    None is a vector from before there were such hashes, or a row without a vector: nothing to compare. Raises UserError
    saying how many differ.
    """
    named = [found for found in hashes if found is not None]
    own = _hash(run) if named else None
    if others := [found for found in named if found != own]:
        lies = f"where {own} lies now" if own else "where no file lies now"
        raise UserError(
            f"{len(others)} of {len(named)} vectors in {run.url} were fitted with another shared file: they name the hash "
            f"{' and '.join(sorted(set(others)))}, {lies} (shared/initialisation.safetensors), and mean nothing with other "
            f"networks, masks and starts; {PUT_BACK}"
        )


def check_generator(run: RunDirectory, model: str) -> None:
    """Check that the generator in this model.safetensors was trained on vectors of the run's shared file.

    One that names no hash passes. Raises UserError where they differ.
    """
    trained = model_header(model).get("shared")
    if trained is not None and trained != (own := _hash(run)):
        raise UserError(
            f"the generator in {run.url} was trained on vectors of the shared file {trained}, but the run holds "
            f"{own or 'none'} (shared/initialisation.safetensors), with which its samples mean nothing; {PUT_BACK}"
        )


def _hash(run: RunDirectory) -> str | None:
    """Of the run's shared file; None where there is none."""
    try:
        return content_hash(read_bytes(initialisation_url(run)))
    except FileNotFoundError:
        return None

"""Under which conditions numbers compare, in sentences: the protocol that they are of, and what the generator took."""

from collections.abc import Mapping

_NORMALISATIONS = {
    "none": "clouds as they are in the unit box",
    "std": "each cloud moved to mean 0 and divided by its standard deviation",
    "box": "each cloud scaled to its bounding box",
    "sphere": "each cloud scaled to its bounding sphere",
    "extent": "each cloud, or frame, moved to mean 0, and the largest coordinate of all its frames scaled to 0.95",
}


def protocol_sentence(protocol: Mapping[str, object]) -> str:
    """The parts of the protocol that are known, in words; the page lists all of it below."""
    said = []
    if "name" in protocol:
        said.append(f"the protocol {protocol['name']}")
    if "points" in protocol:
        said.append(f"{protocol['points']} points on each surface")
    if "normalisation" in protocol:
        said.append(_NORMALISATIONS.get(str(protocol["normalisation"]), f"normalisation {protocol['normalisation']}"))
    if "squared" in protocol:
        said.append("squared distances" if protocol["squared"] else "distances, not squared")
    if "reference_split" in protocol:
        said.append(f"compared with the {protocol['reference_split']} split, which no training has seen")
    if not said:
        return ""
    replaced = protocol.get("generated_factor", 1) != 1
    empty = "is replaced by another one" if replaced else "counts as a miss"
    return "Measured by Chamfer distance: " + "; ".join(said) + f". An empty generated shape {empty}."


def cost_sentence(cost: Mapping[str, float]) -> str:
    """What the generator took, as far as it is known: numbers are compared at equal cost, or not at all."""
    said = []
    if "parameters" in cost:
        said.append(f"{cost['parameters']:,.0f} parameters")
    if "samples_seen" in cost:
        said.append(f"{cost['samples_seen']:,.0f} training samples seen, with repetitions")
    if "train_seconds" in cost:
        said.append(f"{cost['train_seconds']:,.0f} s of training")
    return f"What the generator took: {'; '.join(said)}. Compare runs that took as much." if said else ""

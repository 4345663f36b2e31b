"""Any set of shapes against any other under a named protocol: what jobs/evaluate.py does with --samples."""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from typing import Any

from hdray.errors import UserError
from hdray.metrics.protocols import PROTOCOLS, Protocol, changed, protocol_named
from hdray.pipeline.storage import resolve, write_bytes

OPTIONS = ("--samples", "--reference", "--out")
"""A command line with any of these asks for this rather than for the evaluation of a run."""


@dataclass(frozen=True)
class Request:
    """What is compared, all places resolved."""

    samples: str
    reference: str
    training: str
    out: str
    protocol: Protocol
    seed: int
    weights: str
    label: str
    labels: str
    """File of labels by file; at most one of it and `label`."""
    yaw: float
    time_limit_s: float
    memory_limit_gb: float


def is_asked(arguments: list[str]) -> bool:
    """Whether a command line is one for `main`."""
    return any(argument.partition("=")[0] in OPTIONS for argument in arguments)


def is_protocol(word: str) -> bool:
    """Whether a word of a command line is the option for the protocol, which both forms have."""
    return word.partition("=")[0] == "--protocol"


def main(program: str) -> None:
    """Score as the command line asks; a user's mistake is one paragraph on standard error and exit code 2."""
    try:
        request = parse(sys.argv[1:], program)
        weights = check(request)
        # Only now: torch and Ray take seconds to import, and a typing error should not.
        from hdray.pipeline.score_stage import score

        result = score(request, weights)
        content = (json.dumps(plain(result), indent=1, allow_nan=False) + "\n").encode()
        try:
            write_bytes(request.out, content)
        except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors
            raise UserError(f"--out {request.out} cannot be written ({type(error).__name__}: {error})") from error
    except UserError as error:
        print(f"error: {getattr(error, 'cause', error)}", file=sys.stderr, flush=True)
        sys.exit(2)
    print("\n".join(lines(result)))
    print(request.out)


def parse(arguments: list[str], program: str) -> Request:
    """The request on a command line. Raises UserError; the parser itself explains its mistakes and exits with code 2."""
    if any(argument.partition("=")[0] == "--run" for argument in arguments):
        raise UserError(
            "--run measures a run's samples against its held-out shapes, and --samples any set against any --reference "
            "(either may be a run): give --run with neither of --samples, --reference and --out, or leave it out"
        )
    parser = argparse.ArgumentParser(
        prog=program,
        description="Score a set of shapes against another under a named protocol. A run's samples are measured, and "
        "audited for copies, by --run DIRECTORY [--protocol NAME] alone: see --help.",
        allow_abbrev=False,
    )
    shapes = (
        "folder or s3:// URL of meshes (.obj .off .ply .stl .glb .gltf), clouds (.npy (points, 3), .ply) or animations "
        "(.anime, .glb, .npy (frames, points, 3))"
    )
    parser.add_argument("--samples", required=True, help=f"the generated shapes: {shapes}, or a run (its samples)")
    parser.add_argument("--reference", required=True, help="the real shapes: the same, or a run (its held-out shapes)")
    parser.add_argument("--protocol", required=True, help=f"how they are compared: {', '.join(PROTOCOLS)}")
    parser.add_argument("--out", required=True, help="JSON file to write, local or s3://")
    parser.add_argument(
        "--training", default="", help="training shapes, for real against real beside the measures of features"
    )
    parser.add_argument("--weights", default="", help="file or URL with the weights of the protocol's feature network")
    parser.add_argument("--label", default="", help="ModelNet40 class of all reference shapes, such as airplane")
    parser.add_argument(
        "--labels", default="", help="CSV file with columns file,label: the class of each reference shape"
    )
    parser.add_argument("--yaw", type=float, default=0.0, help="degrees to turn clouds about y before the network")
    parser.add_argument("--points", type=int, help="points of a cloud, where the protocol's are not wanted")
    parser.add_argument("--frames", type=int, help="frames of an animation, where the protocol's are not wanted")
    parser.add_argument("--emd-points", type=int, help="also the earth mover's distance, on so many points (n^3 work)")
    parser.add_argument("--seed", type=int, default=0, help="of points on meshes, draws and bootstraps (default 0)")
    parser.add_argument(
        "--time-limit-s", type=float, default=120.0, help="processor seconds a file may take to be read (default 120)"
    )
    parser.add_argument(
        "--memory-limit-gb", type=float, default=4.0, help="memory in GiB a file may take to be read (default 4)"
    )
    given = parser.parse_args(arguments)
    for option, value in (("--time-limit-s", given.time_limit_s), ("--memory-limit-gb", given.memory_limit_gb)):
        if not value > 0:
            raise UserError(f"{option} {value:g} is not accepted; it must be greater than 0")
    return Request(
        samples=resolve(given.samples, "--samples"),
        reference=resolve(given.reference, "--reference"),
        training=resolve(given.training) if given.training else "",
        out=resolve(given.out, "--out"),
        protocol=changed(protocol_named(given.protocol), given.points, given.emd_points, given.frames),
        seed=given.seed,
        weights=given.weights,
        label=given.label,
        labels=resolve(given.labels) if given.labels else "",
        yaw=given.yaw,
        time_limit_s=given.time_limit_s,
        memory_limit_gb=given.memory_limit_gb,
    )


def check(request: Request) -> bytes:
    """Raise UserError for what can be known to be wrong before any work; the content of the weights, if any are given."""
    from hdray.pipeline.run_directory import RunDirectory, check_place

    parent, _, name = request.out.rpartition("/")
    if not name.endswith(".json"):
        raise UserError(f"--out {request.out} must be a .json file")
    check_place(RunDirectory(parent), "--out")
    if request.label and request.labels:
        raise UserError(
            f"--label {request.label} is the class of all shapes and --labels that of each: give one of them"
        )
    for option, value in (("--label", request.label), ("--labels", request.labels)):
        if value and not request.weights:
            raise UserError(f"{option} {value} says what the feature network should see: give its --weights too")
    if not request.weights:
        return b""
    from hdray.metrics.feature_network import MODELNET40, network_of, read_weights

    if not request.protocol.network:
        raise UserError(f"the protocol {request.protocol.name} has no feature network; leave --weights out")
    if request.label and request.label not in MODELNET40:
        raise UserError(f"--label {request.label} is not a class of ModelNet40; those are {', '.join(MODELNET40)}")
    labels = read_labels(request)
    if unknown := [(name, label) for name, label in labels.items() if label not in MODELNET40]:
        name, label = unknown[0]
        raise UserError(
            f"--labels {request.labels} has {label!r} for {name}, which is not a class of ModelNet40; those are "
            f"{', '.join(MODELNET40)}"
        )
    content = read_weights(request.weights)
    network_of(request.protocol.network, content, request.weights)
    return content


def read_labels(request: Request) -> dict[str, str]:
    """Class by file of --labels, nothing without it. Raises UserError."""
    from hdray.pipeline.lists import read_table

    return read_table(request.labels, "label") if request.labels else {}


def lines(result: dict[str, Any]) -> list[str]:
    """A result for people: the protocol, then a line a metric. A Frechet distance comes with its context."""
    from hdray.metrics.scoring import metric_line

    counts = result["counts"]
    said = [
        f"protocol {result['protocol']['name']}: {counts['generated']} generated ({counts['misses']} of them misses) "
        f"against {counts['references']} reference shapes"
    ]
    for kind, excluded in result["exclusions"].items():
        said += [
            f"{len(excluded)} of {kind} excluded, the first: {name}: {reason}"
            for name, reason in [*excluded.items()][:1]
        ]
    for name, value in result["metrics"].items():
        said.append(metric_line(name, value, result["intervals"].get(name)))
    said += [f"warning: {sentence}" for sentence in result["warnings"]]
    features = result["features"]
    if "not_computed" in features:
        return [*said, f"features: not computed, {features['not_computed']}"]
    real = features["real_against_real"]
    said.append(
        f"features: {features['samples']} samples in {features['dimension']} dimensions, the network classifies "
        f"{features['network_accuracy_on_reference']:.1%} of the references rightly; real against real is {real['sets']}"
    )
    names = ("frechet", "kid", "mmd_g_mlora", "mmd_p", "density", "coverage")
    return [*said, *(f"{name}: {features[name]:.4g} (real against real {real[name]:.4g})" for name in names)]


def plain(value: Any) -> Any:
    """The value as JSON has it: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

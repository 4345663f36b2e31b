"""What tests share: the environment, Ray clusters, a local S3 server, and small folders of meshes.

Nothing here imports Ray at the top: the pure packages' tests run where it cannot be imported.
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ray_head import RayHead, ray_head

PROGRAMS = Path(sys.executable).parent


def pytest_configure() -> None:
    """Set, before anything is imported, what this process and all that it starts must agree on."""
    # The two cores are shared by many processes: threads of their own would only fight.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Explicit, so that Ray neither writes a token into the home directory nor warns.
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_DATA_DISABLE_PROGRESS_BARS"] = "1"
    # A cluster that happens to run here is not ours to use.
    os.environ.pop("RAY_ADDRESS", None)
    # DeepSpeed looks for ninja there, also when pytest is called by its path.
    os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    # Ray Train looks at its workers every two seconds and takes one checkpoint at a look: small trainings would wait for it.
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
    if not has_cuda():
        os.environ["DS_ACCELERATOR"] = "cpu"


def has_cuda() -> bool:
    """Whether torch finds a GPU."""
    import torch

    return torch.cuda.is_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked gpu where there is none."""
    if not has_cuda():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """The address of a local stand-in for AWS, in the environment of this process and its children."""
    with pytest.MonkeyPatch.context() as patch:
        # Thousands of machine images that nobody asks for would take half a minute to load.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # Never ask a cloud machine's metadata service for real credentials.
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def s3(aws_server: str) -> str:
    """The URL of a new, empty bucket (`s3://test-...`) on the local server."""
    import boto3

    bucket = f"test-{secrets.token_hex(6)}"
    boto3.client("s3", endpoint_url=aws_server).create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture(scope="session")
def ray_cluster(aws_server: str) -> Iterator[None]:
    """Ray in this session, with four logical CPUs; its workers know the local S3 server (hence the order)."""
    import ray

    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=150_000_000,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture
def start_ray_head() -> Iterator[Callable[..., RayHead]]:
    """`start_ray_head(num_cpus=2, dashboard=False, token=None)` starts a cluster; all are stopped after the test."""
    with ExitStack() as stack:

        def start(num_cpus: int = 2, dashboard: bool = False, token: str | None = None) -> RayHead:
            return stack.enter_context(ray_head(num_cpus, dashboard, token))

        yield start


@pytest.fixture
def mesh_folder(tmp_path: Path) -> Path:
    """A folder with one watertight mesh in each format that hdray reads, one of them in a subfolder."""
    return write_meshes(tmp_path / "meshes")


def write_meshes(folder: Path) -> Path:
    """Make such a folder."""
    import trimesh

    (folder / "round").mkdir(parents=True)
    trimesh.creation.box((1.0, 0.6, 0.4)).export(folder / "box.obj")
    trimesh.creation.cylinder(0.4, 1.0, sections=24).export(folder / "cylinder.off")
    trimesh.creation.cone(0.5, 1.0, sections=24).export(folder / "cone.ply")
    trimesh.creation.capsule(1.0, 0.3, count=(12, 12)).export(folder / "capsule.stl")
    trimesh.creation.icosphere(2).export(folder / "round" / "ball.glb")
    torus = trimesh.creation.torus(0.5, 0.2, major_sections=24, minor_sections=12)
    (folder / "round" / "torus.gltf").write_bytes(
        trimesh.exchange.gltf.export_gltf(trimesh.Scene(torus), embed_buffers=True)["model.gltf"]
    )
    return folder

import time

import pytest
import ray

from hdray.pipeline.windowed import AHEAD, cluster_slots, windowed

pytestmark = pytest.mark.ray


@ray.remote(num_cpus=0)
def square(number: int) -> int:
    return number**2


@ray.remote(num_cpus=0)
def fail() -> None:
    raise ZeroDivisionError("in the task")


def test_every_result_with_its_key_and_few_at_a_time(ray_cluster: None) -> None:
    submitted, most = [], []
    found: dict[int, int] = {}

    def submit(number: int) -> "ray.ObjectRef[int]":
        submitted.append(number)
        most.append(len(submitted) - len(found))
        return square.remote(number)

    for number, result in windowed(range(40), submit, lambda: 3 if len(found) < 20 else 5):
        found[number] = result
    assert found == {number: number**2 for number in range(40)}
    assert submitted == list(range(40))
    assert max(most[:20]) == 3 * AHEAD
    assert max(most) == 5 * AHEAD, "as the cluster grows"


def test_results_come_as_tasks_end(ray_cluster: None) -> None:
    @ray.remote(num_cpus=0)
    def wait(seconds: float) -> None:
        time.sleep(seconds)

    assert [key for key, _ in windowed([1.5, 0.0], wait.remote, lambda: 2)] == [0.0, 1.5]


def test_an_error_in_a_task_is_raised(ray_cluster: None) -> None:
    with pytest.raises(ZeroDivisionError, match="in the task"):
        list(windowed([0], lambda key: fail.remote(), lambda: 1))
    assert list(windowed([], lambda key: fail.remote(), lambda: 1)) == []


def test_slots_are_the_clusters(ray_cluster: None) -> None:
    assert cluster_slots(0) == ray.cluster_resources()["CPU"]
    assert cluster_slots(1) == max(1, ray.cluster_resources().get("GPU", 0))

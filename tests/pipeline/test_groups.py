from hypothesis import given
from hypothesis import strategies as st

from hdray.pipeline.groups import Groups

PAIRS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12)


@given(PAIRS)
def test_groups_are_what_can_be_reached(pairs: list[tuple[str, str]]) -> None:
    groups = Groups()
    for one, other in pairs:
        apart = groups.of(one) != groups.of(other)
        assert groups.join(one, other) == apart
    reached = {name: {name} for name in "abcdefgh"}
    for _ in pairs:
        for one, other in pairs:
            both = reached[one] | reached[other]
            for name in both:
                reached[name] = reached[name] | both
    assert {name: groups.of(name) for name in "abcdefgh"} == {name: min(reached[name]) for name in "abcdefgh"}


def test_a_copy_is_joined_on_its_own() -> None:
    groups = Groups()
    groups.join("a", "b")
    other = groups.copy()
    other.join("b", "c")
    assert (groups.of("c"), other.of("c")) == ("c", "a")

from itertools import pairwise

from hdray.report.colours import colour, symbol, translucent


def test_kinds_are_told_apart():
    looks = [(colour(number), symbol(number)) for number in range(70)]
    assert len(set(looks)) == 70
    assert len({colour(number) for number in range(10)}) == 10
    assert all(one[0] != two[0] and one[1] != two[1] for one, two in pairwise(looks))


def test_translucent():
    assert translucent("#4e79a7", 0.18) == "rgba(78,121,167,0.18)"

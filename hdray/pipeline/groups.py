"""Names joined into groups: what is joined to the same name is one group (union-find)."""


class Groups:
    """Groups of names, each called after the first of its names in their order. A name joined to none is its own group."""

    def __init__(self) -> None:
        self._towards: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The group of this name."""
        path = []
        while (next_name := self._towards.get(name, name)) != name:
            path.append(name)
            name = next_name
        self._towards.update(dict.fromkeys(path, name))
        return name

    def join(self, one: str, other: str) -> bool:
        """Make the groups of two names one; False if they are already."""
        first, second = sorted((self.of(one), self.of(other)))
        self._towards[second] = first
        return first != second

    def copy(self) -> "Groups":
        """The same groups, to be joined further without changing these."""
        other = Groups()
        other._towards = dict(self._towards)
        return other

"""YAML that people write, read so that nothing in it is passed over."""

from typing import Any

from hdray.errors import UserError


def read_document(content: bytes, where: str) -> Any:
    """What YAML holds. Raises UserError, naming the file (`where`), for what is not YAML, and for a key that comes twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's takes the last of several values of a key, and says nothing."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            lines: dict[tuple[str, str], int] = {}
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    raise UserError(
                        f"{where} holds {key.value} twice (lines {lines[name]} and {line}), and only the last would be heeded; "
                        "put them together"
                    )
                lines[name] = line
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(content, Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {error}") from error

"""What the pages have in common: one HTML file that opens from disk, needs no network and cannot reach one.

A page's content security policy allows only its own scripts (by hash) and nothing from elsewhere. Names and reasons
come from users' files: the template escapes them.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from hdray.report.charts import Figure


@dataclass(frozen=True)
class KeyFigure:
    """A number at the top of the page."""

    name: str
    value: str
    note: str


def fill(template: str, charts: Mapping[str, Figure], panel: Mapping[str, Any] | None = None, **context: Any) -> str:
    """The page of a template in `page/`, which finds `context` under its names and `charts` at its data-chart places.

    `panel` is what the panel that turns shapes needs: samples, meshes, up and first. A page without charts or samples
    goes without Plotly.
    """
    page_data = {"charts": charts, "samples": [], **(panel or {})}
    plotly = _plotly() if charts or page_data["samples"] else ""
    script = _part("page.js")
    return str(
        _template(template).render(
            style=_safe(_part("page.css")),
            script=_safe(script),
            plotly=_safe(plotly),
            script_hashes=_safe(" ".join(_hash(text) for text in (plotly, script) if text)),
            page_data=_safe(_json(page_data)),
            **context,
        )
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)


def _part(name: str) -> str:
    return (resources.files("hdray.report") / "page" / name).read_text("utf-8")


def _safe(text: str) -> Any:
    """Text the template must not escape: the page's own parts."""
    import markupsafe

    return markupsafe.Markup(text)


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

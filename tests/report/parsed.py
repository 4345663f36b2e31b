"""A page as a test sees it, and what holds for every page."""

import base64
import hashlib
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """Elements with their attributes, scripts with their content, and the text a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            self.styles[-1] += data
        else:
            self.text += data + " "


def check_self_contained(page: Page) -> None:
    """Nothing is loaded from elsewhere, and the page's policy allows exactly its own scripts."""
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster", "background"):
            if attributes.get(name):
                assert str(attributes[name]).startswith(("data:", "#")), (tag, name)
    assert "url(" not in page.styles[0]
    assert "@import" not in page.styles[0]
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    scripts = [
        content
        for content, attributes in zip(page.scripts, (a for tag, a in page.elements if tag == "script"), strict=True)
        if attributes.get("type") != "application/json"
    ]
    assert allowed == {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
    assert "http" not in policy

"""Reading a report as a browser would, and what may be in one."""

from __future__ import annotations

from html.parser import HTMLParser

ATTRIBUTES = {
    "class", "style", "lang", "charset", "http-equiv", "content", "name", "rel", "href", "viewbox",
    "role", "aria-label", "fill", "opacity", "d", "x", "y", "width", "height", "text-anchor",
    "preserveaspectratio",
}  # fmt: skip
ELEMENTS = {
    "html", "head", "meta", "link", "title", "style", "body", "main", "header", "footer", "section",
    "article", "div", "p", "span", "strong", "h1", "h2", "h3", "h4", "ul", "li", "pre", "b", "i",
    "em", "bdi", "table", "thead", "tbody", "tr", "th", "td", "svg", "path", "rect", "text",
    "dl", "dt", "dd", "code", "br", "details", "summary",
}  # fmt: skip
VOID = {"meta", "link", "br"}


class Read(HTMLParser):
    """Collects elements, attributes and text; checks that elements are closed in order."""

    @property
    def text(self) -> str:
        """All words in their order."""
        return " ".join(" ".join(self.words).split())

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for key, value in attrs:
            self.attributes.setdefault(key, set()).add(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def read(markup: str) -> Read:
    """Parse a report; elements that are not closed in order are an error."""
    reader = Read()
    reader.feed(markup)
    reader.close()
    assert reader.open == []
    return reader


def check_safe(found: Read) -> None:
    """Nothing but known elements and attributes, and nothing that is loaded or run."""
    assert found.elements <= ELEMENTS
    assert set(found.attributes) <= ATTRIBUTES
    assert found.attributes["href"] == {"data:,"}
    assert not any("url(" in style for style in found.attributes.get("style", ()))

"""A web page that stands alone: one file, no script, nothing fetched, every text escaped.

`element` escapes whatever is not `Html`, content and attributes alike, so a name from a file
cannot become markup. The page forbids its browser to load or run anything but its own images and
style (Content-Security-Policy).
"""

import base64
import html
from collections.abc import Container, Iterable, Sequence

from ..model.names import legible

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; " + (
    "form-action 'none'"
)
_VOID = ("img", "meta")


class Html(str):
    """Text that is markup already."""


def escaped(content: object) -> Html:
    """`content` as it should be read; markup stays markup."""
    if isinstance(content, Html):
        return content
    return Html(html.escape(legible(str(content)), quote=True))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """`<tag attribute="...">content</tag>`; `class_` becomes `class`, `aria_label` `aria-label`."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    shown = "".join(f' {name}="{escaped(value)}"' for name, value in named.items())
    if tag in _VOID:
        return Html(f"<{tag}{shown}>")
    return Html(f"<{tag}{shown}>{join(content)}</{tag}>")


def join(parts: Iterable[object]) -> Html:
    return Html("".join(map(escaped, parts)))


def prose(text: str) -> Html:
    """A sentence with its `code` in a font of its own."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is only a sign
        return escaped(text)
    return join(element("code", part) if i % 2 else part for i, part in enumerate(parts))


def paragraphs(*texts: object) -> Html:
    return join(element("p", text) for text in texts if text)


def bullets(items: Iterable[object]) -> Html:
    """A list; nothing without items."""
    rows = [element("li", item) for item in items]
    return element("ul", *rows) if rows else Html()


def facts(pairs: Iterable[tuple[object, object]]) -> Html:
    """Terms and what they are."""
    return element(
        "dl",
        *(element("div", element("dt", term), element("dd", words)) for term, words in pairs),
    )


def table(
    caption: object,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Container[int] = (),
) -> Html:
    """A table in a box of its own, which scrolls where the screen is narrower.

    `numbers`: columns to align at the right.
    """
    look = lambda i: {"class_": "number"} if i in numbers else {}
    top = element(
        "tr", *(element("th", title, scope="col", **look(i)) for i, title in enumerate(head))
    )
    body = [
        element(
            "tr",
            element("th", first, scope="row"),
            *(element("td", cell, **look(i)) for i, cell in enumerate(cells, 1)),
        )
        for first, *cells in rows
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", top),
            element("tbody", *body),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def picture(svg: bytes, size: tuple[float, float], alt: str, caption: object) -> Html:
    """A figure; `size`: width and height [inch]."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"
    width, height = (round(96 * x) for x in size)
    image = element("img", src=source, alt=alt, width=width, height=height)
    box = element("div", image, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return element("figure", box, element("figcaption", caption))


def listing(text: object) -> Html:
    """Text to be copied as it stands."""
    return element("pre", element("code", text), tabindex="0")


def section(anchor: str, title: str, *content: object) -> Html:
    return element("section", element("h2", title), *content, id=anchor)


def document(title: str, generator: str, header: Html, sections: Html, footer: Html) -> str:
    """The whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=Html(POLICY)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=generator),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(STYLE)),
    )
    body = element("body", header, element("main", sections), footer)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


STYLE = """
:root { --ink: #1c2228; --muted: #55606b; --line: #d5dbe1; --accent: #12436d; --tint: #f3f6f9; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); font: 1rem/1.55 system-ui, -apple-system,
  "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: break-word; }
header, main, footer { max-width: 64rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { margin: 0.2rem 0 0.6rem; font-size: 2rem; line-height: 1.2; color: var(--accent); }
h2 { margin: 3rem 0 0.8rem; padding-bottom: 0.3rem; border-bottom: 2px solid var(--accent);
  font-size: 1.3rem; line-height: 1.3; }
h3 { margin: 1.8rem 0 0.5rem; font-size: 1.05rem; }
p, li, dd { max-width: 46rem; }
p { margin: 0.6rem 0; }
ul { margin: 0.6rem 0; padding-left: 1.3rem; }
li { margin: 0.25rem 0; }
.kicker { color: var(--muted); font-size: 0.9rem; margin: 0; }
.question { font-size: 1.2rem; line-height: 1.45; margin: 0 0 1rem; }
.caution { border-left: 4px solid #b45309; background: #fdf6ec; padding: 0.7rem 1rem;
  margin: 1rem 0; }
.caution :first-child { margin-top: 0; }
.caution :last-child { margin-bottom: 0; }
nav { margin: 1.2rem 0 0; font-size: 0.92rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; list-style: none; padding: 0;
  margin: 0; }
nav li { margin: 0; }
a { color: var(--accent); }
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1rem;
  list-style: none; padding: 0; margin: 1rem 0; }
.answers li { margin: 0; padding: 0.9rem 1rem 1rem; background: var(--tint); border-radius: 6px;
  border-top: 3px solid var(--accent); }
.answers .what, .answers .how { display: block; font-size: 0.88rem; line-height: 1.4; }
.answers .what { min-height: 2.8em; }
.answers .how { color: var(--muted); }
.answers .number { display: block; font-size: 1.5rem; line-height: 1.3; font-weight: 650;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { margin: 0.6rem 0; }
dl div { display: grid; grid-template-columns: 17rem 1fr; gap: 0 1rem; padding: 0.35rem 0;
  border-bottom: 1px solid var(--line); }
dt { color: var(--muted); }
dd { margin: 0; min-width: 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; min-width: 100%; }
caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.4rem; }
th, td { padding: 0.35rem 0.65rem 0.35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 8rem; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
figure { margin: 1.6rem 0 2.2rem; }
figure .scroll { margin: 0; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--muted); font-size: 0.9rem; max-width: 46rem; margin-top: 0.5rem; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px;
  padding: 0.8rem 1rem; overflow: auto; max-height: 30rem; font-size: 0.82rem; line-height: 1.45;
  margin: 0.8rem 0; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre code { -webkit-user-select: all; user-select: all; }
:not(pre) > code { font-size: 0.9em; }
summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 3rem; padding-top: 1rem; padding-bottom: 2.5rem; color: var(--muted);
  font-size: 0.9rem; border-top: 1px solid var(--line); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 40rem) {
  header { padding-top: 1.4rem; }
  h1 { font-size: 1.6rem; }
  h2 { margin-top: 2.2rem; }
  dl div { grid-template-columns: 1fr; }
  figure img { max-width: none; width: 42rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10pt; }
  header, main, footer { max-width: none; padding: 0; }
  h2 { margin-top: 1.8rem; }
  .answers { grid-template-columns: repeat(4, 1fr); gap: 0.7rem; }
  .answers .number { font-size: 1.3rem; }
  footer { margin-top: 1.2rem; }
  nav { display: none; }
  h2, h3, caption { break-after: avoid; }
  figure, .answers li, tr, dl div { break-inside: avoid; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  .scroll { overflow: visible; }
  figure img { max-width: 100%; width: auto; max-height: 22cm; }
}
"""

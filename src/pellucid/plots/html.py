"""Pages that hold all they need: one HTML file with its pictures, without scripts, loading nothing.

Contract: every function returns a piece of HTML; all text that is given is escaped, but for `words`, which is HTML
itself.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape

from pellucid.plots.figure import Figure
from pellucid.plots.png import to_png

_STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.6em;margin-bottom:.2em}
h2{font-size:1.15em;margin:2em 0 .5em;border-bottom:1px solid #ddd}
table{border-collapse:collapse;font-size:.93em}
th,td{padding:.15em .9em .15em 0;text-align:left;vertical-align:top;max-width:22em;overflow-wrap:break-word}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
img{max-width:100%;margin:.5em 0}
.finding{border-left:4px solid #8a8a8a;padding:.1em 1em;margin:.8em 0}
.error{border-color:#d55e00}.warning{border-color:#e69f00}.hint{border-color:#56b4e9}
.finding b{margin-right:.6em}
.label{color:#666}
""".strip()


def document(heading: str, parts: Iterable[str]) -> str:
    """The whole page; parts that are empty are left out."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(heading)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(filter(None, parts)) + "\n</body>\n</html>\n"
    )


def section(title: str, pictures: Sequence[Callable[[], Figure]], words: str = "") -> str:
    """A heading with its words and pictures; nothing where there is neither."""
    if not pictures and not words:
        return ""
    return "\n".join([f"<h2>{escape(title)}</h2>", words, *(picture(draw()) for draw in pictures)])


def picture(figure: Figure) -> str:
    """A figure inside the page."""
    heading = figure.get_suptitle() or next((axes.get_title(loc="left") for axes in figure.axes), "")
    data = base64.b64encode(to_png(figure, dpi=110)).decode()
    width = round(figure.get_figwidth() * 96)
    return f'<img alt="{escape(heading)}" width="{width}" src="data:image/png;base64,{data}">'


def finding_block(name: str, severity: str, texts: Iterable[object], place: Sequence[str] = ()) -> str:
    """A finding of the doctor: its name, how bad it is, where it is, and paragraphs."""
    kind = severity if severity in ("error", "warning", "hint") else "hint"
    where = f'<span class="words">{escape(", ".join([severity, *place]))}</span>'
    paragraphs = "".join(f"<p>{escape(str(text))}</p>" for text in texts if text)
    return f'<div class="finding {kind}"><p><b>{escape(name.replace("_", " "))}</b>{where}</p>{paragraphs}</div>'

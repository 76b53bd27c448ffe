"""What an output looks like, as mime bundles.

The styles are inline and ours alone (the model's HTML has none left), take their colours from the front end where it
names them, and carry no meaning: GitHub and untrusted notebooks strip them, and it still reads well.
"""

import html
from collections.abc import Iterable

from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.sinks.base import Ending, Language, Outcome, Status
from cyllama_jupyter.notebook.sinks.objects import indented, table
from cyllama_jupyter.notebook.static_html import to_html
from cyllama_jupyter.notebook.thinking import Segment, segments

__all__ = ["QUIET", "TAIL", "final", "framed", "listing", "live", "resting"]

TAIL = 8_000  # characters that a repaint carries at most: ten a second stay far below Jupyter's data rate limit

QUIET = "var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #767676))"
_FAINT = "var(--jp-border-color2, var(--vscode-widget-border, #bdbdbd))"
_BRAND = "var(--jp-brand-color1, var(--vscode-focusBorder, #1976d2))"
_ACCENT = {
    Outcome.DONE: _FAINT,
    Outcome.STOPPED: "var(--jp-warn-color1, #e38b00)",
    Outcome.FAILED: "var(--jp-error-color1, #d32f2f)",
}
_BOX = "border-left: 3px solid {accent}; padding: 2px 0 2px 14px; overflow-wrap: anywhere"
_SMALL = f"color: {QUIET}; font-size: 0.85em; font-variant-numeric: tabular-nums"
_CODE = (
    "padding: 10px 12px; border-radius: 6px; overflow-x: auto; white-space: pre; "
    "background: var(--jp-cell-editor-background, var(--vscode-textCodeBlock-background, rgba(127, 127, 127, 0.12))); "
    f"border: 1px solid {_FAINT}; font-size: var(--jp-code-font-size, 0.93em); line-height: 1.45"
)
_BARE = "padding: 0; background: none; font-size: inherit"  # Jupyter gives code in a box a background of its own
_LINES = "white-space: pre-wrap; overflow-wrap: anywhere; word-break: normal"
_WRITTEN = f"margin: 6px 0 0; padding: 0; background: none; font-size: var(--jp-code-font-size, 0.93em); {_LINES}"
_RAIL = f"height: 2px; width: 240px; max-width: 100%; margin: 4px 0 2px; background: {_FAINT}"


def _box(accent: str, inner: str) -> str:
    return f'<div dir="auto" style="{_BOX.format(accent=accent)}">{inner}</div>'


def _bar(fraction: float | None) -> str:
    if fraction is None:
        return ""
    percent = round(100 * min(1.0, max(0.0, fraction)))
    return f'<div style="{_RAIL}"><div style="height: 100%; width: {percent}%; background: {_BRAND}"></div></div>'


def _caption(caption: str) -> str:
    """Return a heading that is one without styles too; for its ``dir`` it does not decide how the answer is aligned."""
    return f'<div dir="ltr" style="{_SMALL}; margin-bottom: 4px"><b>{html.escape(caption)}</b></div>' if caption else ""


def _so_far(text: str, tail: int, language: Language) -> str:
    if not text:
        return ""
    shown = printable(f"…{text[-tail:]}" if len(text) > tail else text)
    if language != "markdown":
        return _as_written(shown, boxed=language != "text")
    return f'<div style="white-space: pre-wrap; margin-top: 6px">{html.escape(shown)}</div>'


def _as_written(text: str, *, boxed: bool) -> str:
    """Return a text line by line, in which no front end looks for formulas."""
    style = f"{_CODE}; {_LINES}" if boxed else _WRITTEN
    return f'<pre dir="auto" style="{style}"><code style="{_BARE}">{html.escape(text)}</code></pre>'


def live(status: Status, text: str, hint: str = "", *, caption: str = "", tail: int = TAIL) -> dict[str, str]:
    """Return the bundle of a cell that runs: its status above the text so far (the end of it, where it is long).

    Args:
        status: What the cell is doing.
        text: The text so far.
        hint: How to stop it.
        caption: Stands above it.
        tail: Characters of the text that are shown at most.
    """
    label = html.escape(printable(" · ".join(filter(None, (status.label, hint)))))
    so_far = _so_far(text, tail, status.language)
    inner = f'{_caption(caption)}<div style="{_SMALL}">{label}</div>{_bar(status.fraction)}{so_far}'
    return {"text/html": _box(_BRAND, inner), "text/plain": printable(status.label)}


def resting(ending: Ending, *, caption: str, tail: int) -> dict[str, str]:
    """Return the bundle of an answer that has ended beside others that go on: as ``live``, for it is painted as often.

    Args:
        ending: The final text and facts.
        caption: Stands above it.
        tail: Characters of the text that are shown at most.
    """
    label = printable(ending.footer())
    so_far = _so_far(ending.text, tail, ending.language)
    inner = f'{_caption(caption)}<div style="{_SMALL}">{html.escape(label)}</div>{so_far}'
    return {"text/html": _box(_ACCENT[ending.outcome], inner), "text/plain": label}


def _segment(segment: Segment) -> str:
    """Return a stretch of the answer: thinking folded, code in a box. The HTML is sanitised, ours are the styles."""
    body = to_html(segment.text).replace("<pre><code>", f'<pre><code style="{_BARE}">')
    body = body.replace("<pre>", f'<pre style="{_CODE}">')
    if not segment.thinking:
        return body
    return f'<details style="{_SMALL}"><summary style="cursor: pointer">Thought for a while</summary>{body}</details>'


def _body(ending: Ending) -> str:
    if ending.language == "markdown":
        return "".join(map(_segment, segments(printable(ending.text))))
    if ending.language == "text":
        return _as_written(printable(ending.text), boxed=False)
    rows = table(ending.text) if ending.language == "table" else ""
    return f'<div style="overflow-x: auto">{rows}</div>' if rows else _as_written(indented(ending.text), boxed=True)


def final(ending: Ending, *, timings: bool = True, caption: str = "") -> dict[str, str]:
    """Return the bundle that stays: sanitised HTML, and the text as it is. Never ``text/markdown``.

    Markdown is rendered, JSON shown as code, rows as a table, and what is none of them as it was written. Jupyter runs
    what is in trusted Markdown, and every fresh output is trusted.

    Args:
        ending: The final text and facts.
        timings: Whether to show what differs from run to run.
        caption: Stands above it.
    """
    if ending.html:
        return {"text/html": ending.html, "text/plain": ending.text}
    footer = printable(ending.footer(timings=timings))
    small = f'<div style="{_SMALL}; margin-top: 4px"><small>{html.escape(footer)}</small></div>' if footer else ""
    body = _body(ending) if ending.text else ""
    return {
        "text/html": _box(_ACCENT[ending.outcome], _caption(caption) + body + small),
        "text/plain": printable(ending.text) or footer,
    }


def listing(stretches: Iterable[tuple[str, bool]]) -> str:
    """Return a text in a code box.

    Args:
        stretches: Its text in order, each with whether it is to be marked.
    """
    mark = f"background: none; color: {_BRAND}; font-weight: bold"
    shown = (
        f'<mark style="{mark}">{html.escape(text)}</mark>' if marked else html.escape(text)
        for text, marked in stretches
    )
    return f'<pre style="{_CODE}; {_LINES}"><code style="{_BARE}">{"".join(shown)}</code></pre>'


def framed(body: str, footer: str, outcome: Outcome) -> str:
    """Return HTML in the frame of an output, with a line of facts below it.

    Args:
        body: HTML that is safe to show.
        footer: The facts, as text.
        outcome: How it ended.
    """
    facts = f'<div style="{_SMALL}; margin-top: 4px"><small>{html.escape(printable(footer))}</small></div>'
    return _box(_ACCENT[outcome], body + facts)

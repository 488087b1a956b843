"""The live view in the terminal: a picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ondol.cli.glyphs import glyphs_for
from ondol.cli.screen_model import DecisionRow, JobRow, ScreenModel, SinkRow, SiteRow, Totals
from ondol.cli.screen_plain import PlainLines
from ondol.cli.screen_source import ScreenSource, model_from

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "DecisionRow",
    "JobRow",
    "Screen",
    "ScreenModel",
    "ScreenSource",
    "SinkRow",
    "SiteRow",
    "Totals",
    "model_from",
]
_log = logging.getLogger(__name__)
_PICTURE_S, _PLAIN_S = 0.5, 1.0  # wall time between looks
_PATIENCE_S = 10.0


class Screen:
    """Shows a platform until it is stopped, from a thread of its own; a context manager.

    On a terminal the picture fills the screen and is left behind, printed once, at the end. Whatever goes wrong while
    looking or drawing is logged and tried again: the view never takes the platform down.

    Parameters
    ----------
    source : gives a fresh picture; called from the thread, at most twice a second
    plain : True for lines, False for a picture; None looks at the terminal
    console : where to draw; standard output by default
    """

    def __init__(
        self, source: Callable[[], ScreenModel], *, plain: bool | None = None, console: Console | None = None
    ) -> None:
        from rich.console import Console

        self._source = source
        self._console = console or Console(highlight=False)
        self._plain = not self._console.is_terminal or self._console.is_dumb_terminal if plain is None else plain
        self._glyphs = glyphs_for(self._console.encoding)
        self._lines = PlainLines(self._glyphs, self._say)
        self._last: ScreenModel | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Screen:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def plain(self) -> bool:
        """Whether lines are written in place of a picture."""
        return self._plain

    def start(self) -> None:
        """Begin to show; does nothing where it has begun."""
        if self._thread is not None:
            return
        self._stop.clear()
        run = self._run_plain if self._plain else self._run_picture
        self._thread = threading.Thread(target=run, name="ondol-screen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show a last picture and give the terminal back; does nothing where it is over."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join(_PATIENCE_S)
        self._thread = None

    def _look(self) -> ScreenModel | None:
        try:
            self._last = self._source()
        except Exception:  # noqa: BLE001 - a view must never take the platform down
            _log.exception("the screen has no fresh picture")
            return None
        return self._last

    def _run_plain(self) -> None:
        while True:
            over = self._stop.wait(0.0 if self._last is None else _PLAIN_S)
            model = self._look()
            if model is not None:
                self._lines.show(model, at_end=over)
            if over:
                return
            if model is None and self._stop.wait(_PLAIN_S):
                return

    def _run_picture(self) -> None:
        from rich.live import Live

        from ondol.cli.screen_draw import draw

        try:
            with Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
                while not self._stop.is_set():
                    model = self._look()
                    if model is not None:
                        width, height = self._console.size
                        live.update(draw(model, width, height, self._glyphs), refresh=True)
                    self._stop.wait(_PICTURE_S)
            model = self._look() or self._last
            if model is not None:
                width, height = self._console.size
                self._console.print(draw(model, width, height, self._glyphs))
        except Exception:  # noqa: BLE001 - a view must never take the platform down
            _log.exception("the screen ended")

    def _say(self, line: str) -> None:
        stream = self._console.file
        encoding = getattr(stream, "encoding", None) or sys.getdefaultencoding()
        stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()

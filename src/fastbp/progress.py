"""How far training has come: a bar in a terminal, plain lines anywhere else."""

import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from .callbacks import Callback


class ProgressBar(Callback):
    """Show each epoch's losses and metrics: a bar in a terminal, else one plain line an epoch.

    Parameters
    ----------
    epochs : int, optional
        How many epochs there will be at most; without it the bar counts towards no end.
    file : text file, optional
        Where to write; standard error by default.
    plain : bool, optional
        True for lines, False for the bar; by default lines if ``file`` is no terminal or the terminal cannot move
        its cursor (``TERM=dumb``). The bar needs tqdm (``pip install "fastbp[cli]"``), lines need nothing.
    """

    def __init__(self, epochs: int | None = None, file: TextIO | None = None, plain: bool | None = None) -> None:
        self.epochs = epochs
        self.file = file
        self.plain = plain
        self._bar: Any = None

    def on_fit_begin(self, trainer: Any) -> None:
        """Open the bar, if there is to be one."""
        self._done = 0
        self._out = sys.stderr if self.file is None else self.file
        plain = self.plain
        if plain is None:
            plain = not self._out.isatty() or os.environ.get("TERM") == "dumb"
        if not plain:
            self._bar = _tqdm()(total=self.epochs, file=self._out, **_layout(self.epochs, self._out))

    def on_epoch_end(self, trainer: Any, epoch: int, logs: Mapping[str, float]) -> None:
        """Advance by one epoch and show its numbers."""
        self._done += 1
        if self._bar is None:
            total = "" if self.epochs is None else f"/{self.epochs}"
            print(f"epoch {self._done:>{len(total) - 1}}{total}  {_numbers(logs)}", file=self._out, flush=True)
        else:
            # A bar has one line of 80 columns: the validation loss gives way to the metric that people read.
            metric = any(name.startswith("val_") and name != "val_loss" for name in logs)
            shown = {name: value for name, value in logs.items() if not (metric and name == "val_loss")}
            self._bar.set_postfix_str(_numbers(shown), refresh=False)
            self._bar.update()

    def on_fit_end(self, trainer: Any) -> None:
        """Leave the bar as it stands and end its line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _numbers(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items())


def _layout(epochs: int | None, file: TextIO) -> dict[str, Any]:
    """Return the options of tqdm that say how wide the bar is and what it shows."""
    options: dict[str, Any] = {"unit": " epochs"}
    if epochs is not None:
        options["bar_format"] = "{l_bar}{bar}| {n_fmt}/{total_fmt} epochs [{elapsed}<{remaining}{postfix}]"
    try:
        n_columns = os.get_terminal_size(file.fileno()).columns
    except OSError:
        n_columns = 0
    # A terminal that does not know its size says 0, for which tqdm would draw nothing.
    return options | ({"dynamic_ncols": True} if n_columns else {"ncols": 80, "nrows": 24})


def _tqdm() -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            'the progress bar needs tqdm: pip install "fastbp[cli]" (or ask for plain lines: ProgressBar(plain=True))'
        ) from error

    class Bar(tqdm):  # type: ignore[misc,unused-ignore]
        monitor_interval = 0  # no thread that watches the bar: epochs redraw it

    return Bar

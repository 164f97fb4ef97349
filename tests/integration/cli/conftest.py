"""The commands run in this process: it is left as it was, and none of its own settings reach them."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOOLCRIB_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def the_process_as_before() -> Iterator[None]:
    """A server tunes the collector and takes the signals over for good: it expects a process of its own."""
    thresholds, handlers = gc.get_threshold(), [signal.getsignal(number) for number in SIGNALS]
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    for number, handler in zip(SIGNALS, handlers, strict=True):
        signal.signal(number, handler)

"""`python -m tests.page.pictures` takes the pictures of docs/images anew: the page in its main states, on the bundled sample.

The candles are simulated. Some minutes are left out, so that a gap can be seen; names of further symbols are made up.
"""

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from playwright.sync_api import Browser, Page, sync_playwright

import volcast
from producer.csv_replay import CsvReplay
from tests.page.conftest import chromium
from tests.page.server import FULL, PageServer
from volcast.backtest.run import BacktestReplay
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, Signal

ROOT = Path(__file__).parent.parent.parent
SAMPLE = Path(volcast.__file__).parent / "simulation/sample"
IMAGES = ROOT / "docs/images"
MINUTES = 4_340
GAP = range(MINUTES - 225, MINUTES - 205)
MANY = 200
OFTEN_STALE = 4
"""Of nine further symbols one has stopped."""


Act = Callable[[Page, PageServer], None]


class State(NamedTuple):
    """A state of the page, and the window in which it is shown."""

    width: int = 1280
    height: int = 940
    scheme: str = "light"
    live: bool = True
    age_s: float = 8.0
    symbols: int = 2
    has_challengers: bool = False
    act: Act = lambda *_: None
    """What is done with the page, or happens to the server, before the picture is taken."""


def restore(_: Page, server: PageServer) -> None:
    server.say_restoring("BTCUSDT", done=False)


def set_alert(page: Page, _: PageServer) -> None:
    page.get_by_label("Threshold", exact=True).fill("0.3")
    page.get_by_role("button", name="Set alert").click()
    page.locator("#alert-banner p").wait_for()


def choose(page: Page, _: PageServer) -> None:
    page.get_by_label("Compared with").select_option("har")


STATES = {
    "light": State(height=1_260),
    "dark": State(height=1_260, scheme="dark"),
    "phone": State(390, 844, scheme="dark"),
    "many": State(height=800, symbols=MANY),
    "alert": State(height=800, act=set_alert),
    "challenger": State(height=1_320, has_challengers=True, act=choose),
    "restoring": State(height=800, act=restore),
    "one": State(symbols=1, live=False, age_s=3e7),
    "stale": State(height=800, age_s=1_500),
    "empty": State(height=420, symbols=0),
}


def sample_signals(symbol: str) -> list[Signal]:
    """Return the signals of the sample's first days, with a gap in the last hours."""
    source, decoder = CsvReplay(SAMPLE / f"{symbol}-simulated.csv.gz"), Decoder()
    rows = [row for number, row in enumerate(islice(source.candles(), MINUTES)) if number not in GAP]
    engine = Engine(source.symbol, FULL, decoder.price_decimals(source.symbol))
    return list(BacktestReplay(engine, decoder).signals(iter(rows)))


def take(browser: Browser, state: State, signals: dict[str, list[Signal]], file: Path) -> None:
    """Take the picture of one state."""
    server = PageServer(state.age_s)
    names = ["BTCUSDT", "ETHUSDT", *(f"COIN{number:03}USDT" for number in range(1, MANY - 1))][: state.symbols]
    left_out: dict[str, tuple[()]] = {} if state.has_challengers else {"other_horizons": (), "shadows": ()}
    for number, name in enumerate(names):
        known = signals["BTCUSDT" if number % 2 == 0 else "ETHUSDT"]
        first = 0 if number < len(signals) else MINUTES - 1_700 - 13 * number % 97
        back = 7 * (number // 2)
        later_ms = 0 if number % 9 == OFTEN_STALE else back * MINUTE_MS
        server.put(
            msgspec.structs.replace(each, symbol=name, live=state.live, open_time_ms=each.open_time_ms + later_ms, **left_out)
            for each in known[first : len(known) - back]
        )
    context = browser.new_context(
        viewport={"width": state.width, "height": state.height}, color_scheme="dark" if state.scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(server.url)
    if names:
        page.locator("#charts").wait_for()
    page.wait_for_timeout(3_000)
    state.act(page, server)
    page.wait_for_timeout(3_000)
    page.screenshot(path=file)
    context.close()
    server.stop()


def main(names: list[str]) -> None:
    """Take all pictures, or those that are named."""
    signals = {symbol: sample_signals(symbol) for symbol in ("BTCUSDT", "ETHUSDT")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        for name in names or STATES:
            take(browser, STATES[name], signals, IMAGES / f"page-{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])

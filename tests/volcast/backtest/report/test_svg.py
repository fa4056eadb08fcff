"""A plot as SVG within a page."""

import subprocess
import sys
import xml.etree.ElementTree as ET

from volcast.backtest.report.svg import COLOURS, DASHES, GRID, INK, Plot, canvas, colour, to_plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str = "one") -> Plot:
    with canvas(name, 3.0) as (figure, axes):
        axes.plot([1, 2, 3], [-1.0, 4.0, 2.0], color=colour(3))
        axes.set_ylabel("$a$ < b & c")
        return to_plot(figure, name, "Title <1>", "In words & more.", ["a"])


def test_it_is_an_image_with_a_title_and_a_description() -> None:
    root = ET.fromstring(drawn().svg)  # noqa: S314  our own SVG
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "one-title one-desc"
    assert (root[0].text, root[1].text) == ("Title <1>", "In words & more.")
    assert "$a$ < b & c" in {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}


def test_it_uses_the_pages_colours_and_fonts() -> None:
    svg = drawn().svg
    assert "var(--series-3)" in svg
    assert "var(--ink)" in svg
    assert "var(--grid)" in svg
    for foreign in ("#fe0", "font-family", "<style", "<metadata", "DOCTYPE", INK, GRID):
        assert foreign not in svg


def test_ids_are_unique_and_every_link_has_a_target() -> None:
    one, other = (ET.fromstring(drawn(name).svg) for name in ("one", "other"))  # noqa: S314  our own SVG
    ids = {element.get("id") for element in one.iter()} - {None}
    assert not ids & {element.get("id") for element in other.iter()}
    links = {element.get("href") for element in one.iter()} - {None}
    clips = {clip[5:-1] for element in one.iter() if (clip := element.get("clip-path"))}
    assert clips
    assert {str(link)[1:] for link in links} | clips <= ids


def test_the_same_plot_gives_the_same_text() -> None:
    assert drawn() == drawn()


def test_all_series_look_different() -> None:
    looks = {(colour(series), DASHES[series % len(DASHES)]) for series in range(COLOURS * 9)}
    assert len(looks) == COLOURS * 9


def test_without_matplotlib_the_error_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from volcast.backtest.report.svg import PlotsUnavailable, canvas\n"
        "try:\n"
        "    with canvas('x', 1.0): pass\n"
        "except PlotsUnavailable as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the page with plots needs Matplotlib, which is not installed\n"


def test_the_reports_are_imported_without_matplotlib() -> None:
    code = "import sys, volcast.backtest.report.page, volcast.backtest.report.text; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

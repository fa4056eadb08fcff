"""A chart as SVG within a page."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from volcast.backtest.report.draw import look
from volcast.backtest.report.parts import Chart
from volcast.backtest.report.svg import to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SVG = "{http://www.w3.org/2000/svg}"


def drawn(prefix: str = "s0") -> list[str]:
    """Return the wide and the narrow SVG of a chart."""

    def draw(axes: "Axes") -> None:
        axes.plot([1, 2, 3], [-1.0, 4.0, 2.0], color=look(3)[0])
        axes.set_ylabel("$a$ < b & c")

    chart = Chart("one", "Title <1>", "How to read it.", "In words & more.", draw)
    wide, narrow = re.findall(r"<svg.*?</svg>", to_svg(chart, prefix), re.DOTALL)
    return [wide, narrow]


@pytest.mark.parametrize(("place", "kind"), [(0, "wide"), (1, "narrow")])
def test_it_is_an_image_with_a_title_and_a_description(place: int, kind: str) -> None:
    root = ET.fromstring(drawn()[place])  # noqa: S314  our own SVG
    assert root.get("role") == "img"
    assert root.get("class") == f"plot {kind}"
    assert root.get("aria-labelledby") == f"s0-one-{kind}-title s0-one-{kind}-desc"
    assert (root[0].text, root[1].text) == ("Title <1>", "In words & more.")
    assert "$a$ < b & c" in {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}


def test_the_narrow_one_is_half_as_wide() -> None:
    widths = [float(re.findall(r'viewBox="0 0 ([0-9.]+) ', svg)[0]) for svg in drawn()]
    assert widths == [720.0, pytest.approx(345.6)]


def test_it_uses_the_pages_fonts_and_nothing_foreign() -> None:
    for svg in drawn():
        assert look(3)[0] in svg
        for foreign in ("DejaVu", "sans-serif", "font-family", "<style", "<metadata", "DOCTYPE", "xlink"):
            assert foreign not in svg


def test_ids_are_unique_and_every_link_has_a_target() -> None:
    trees = [ET.fromstring(svg) for prefix in ("s0", "s1") for svg in drawn(prefix)]  # noqa: S314  our own SVG
    all_ids: list[str] = []
    for tree in trees:
        ids = {element.get("id") for element in tree.iter()} - {None}
        all_ids += [str(each) for each in ids]
        links = {element.get("href") for element in tree.iter()} - {None}
        clips = {clip[5:-1] for element in tree.iter() if (clip := element.get("clip-path"))}
        assert clips
        assert {str(link)[1:] for link in links} | clips <= ids
    assert len(all_ids) == len(set(all_ids))


def test_the_same_chart_gives_the_same_text() -> None:
    assert drawn() == drawn()


def test_paths_have_few_digits() -> None:
    paths = re.findall(r' d="([^"]*)"', drawn()[0])
    assert paths
    assert not re.search(r"\d\.\d{3}", "".join(paths))


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

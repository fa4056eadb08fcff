"""A comparison as text for the terminal, as Markdown, or as one HTML page with plots.

Read `tables.py` first: all numbers as tables of text. `text.py` prints them aligned, or as Markdown; `page.py` builds the HTML
page, with `style.py` as its stylesheet and the plots of `plots.py`, which `svg.py` turns into SVG that uses the page's colours.
Matplotlib is optional, and imported only when the first plot is drawn.
"""

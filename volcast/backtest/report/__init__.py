"""A comparison as text for the terminal, as Markdown, or as one HTML page with charts.

Read `parts.py` first: a report consists of sections of tables and charts, which `sections/` makes of a comparison. `text.py`
prints the tables, aligned or as Markdown; `page.py` and `html.py` build the page, with `style.css` as its stylesheet, and
`svg.py` turns charts into SVG, with the colours and axes of `draw.py`. Matplotlib is optional, and imported only when the first
chart is drawn.
"""

"""The live page at `/`: what a person sees who opens the address.

`files.py` serves the files of `web/`, which need no build step: `index.html`, `style.css` and plain ES modules. Read `main.js`
first: it wires the others together. `stream.js` and `store.js` get the rows, `choice.js` knows what of them is to be shown,
`words.js` and `skill.js` say them in words, `headline.js` and `health.js` show these, `chart.js` with `bands.js` and `panes.js`
draws, `list.js` shows all symbols, `alert.js` with `rules.js` watches for what a person has set. `vendor/` has TradingView
Lightweight Charts 5.2.1 (Apache-2.0), unchanged.
`swagger/` is the page at `/docs`, about what `document.py` makes; its `vendor/` has Swagger UI 5.35.0 (Apache-2.0), unchanged.
"""

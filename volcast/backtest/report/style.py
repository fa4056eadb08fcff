"""The stylesheet of the page: light or dark like the reader's system, light in print. CSS is kept apart from the HTML."""

CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2430; --quiet: #566072; --grid: #c9d0da; --band: #eef3f9;
  --series-0: #0067b0; --series-1: #d04a02; --series-2: #00805f; --series-3: #b04a8c; --series-4: #8a6500; --series-5: #3b8fc4;
  --series-6: #5b5f66; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e6eaf0; --quiet: #a3adbb; --grid: #3a4452;
  --band: #1b232e;
  --series-0: #4fa8ec; --series-1: #ff8648; --series-2: #35c596; --series-3: #e893c8; --series-4: #e5b93f; --series-5: #9fd6ff;
  --series-6: #b7bdc6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 0.5rem; }
p { max-width: 60rem; margin: 0.5rem 0; }
.note { color: var(--quiet); font-size: 0.875rem; }
.problem { border-left: 4px solid var(--series-1); padding: 0.5rem 0.75rem; background: var(--band); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
thead th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
th:first-child { text-align: left; }
tbody th { font-weight: 500; }
tr.champion { background: var(--band); }
tr.champion th { font-weight: 700; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.25rem; }
figure { margin: 0; }
.plot { display: block; width: 100%; min-width: 44rem; height: auto; fill: var(--ink); }
.plot * { stroke-linejoin: round; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0.25rem 0 0.5rem; padding: 0;
  font-size: 0.875rem; }
.legend svg { width: 2.4rem; height: 0.75rem; vertical-align: middle; margin-right: 0.4rem; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.875rem; padding: 0.25rem 0; }
"""

"""The distribution of what the horizon will bring: of the return, of the highest and lowest price, and of realized volatility.

Read `quantiles` first: what a forecast says. `tracker` learns it: with the forgetting `histograms` of standardised outcomes, the
`extremes` of pending horizons, the skew after a recent move of the price (`momentum`), and the errors of the last days
(`adaptation`). `continuous` makes a distribution of one family of quantiles, and `questions` answers with it: how likely is a
price, is it touched, how large is a loss. `paths` draws minute paths that agree with all quantiles, with the minute profile of
`minute_shares`.
"""

"""The distribution of what the horizon will bring: of the return, of the highest and lowest price, and of realized volatility.

Read `quantiles` first: what a forecast says.
"""

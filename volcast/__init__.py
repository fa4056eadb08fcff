"""volcast: streaming volatility forecasts for crypto markets.

A candle passes through the packages beside this one: `producer` writes it to the log, `consumer` turns it into a signal, `api`
serves the signal. This package holds what they share, and what stands beside that path:

- `core/` the pure core, `log/` what a log is, `candle_files/` CSV files; `timing/`, `metrics.py`, `atomic_file.py` small tools;
- `settings/`, `cli/` and `commands/` the command line;
- `batch/` the signals of one file, `backtest/` forecasts of files and their scores;
- `simulation/` invented candles and exchanges, `proof/` `volcast prove`.

Start with docs/life-of-a-candle.md, then `core/types.py` and `core/engine.py`.
"""

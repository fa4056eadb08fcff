"""Files of candles in the formats in which they are found, shared by the producer, the backtest and the commands.

Read first `contract.py`: a row, the description of a format, and the error. `formats.py` recognizes a file by its content, with
`text_format.py` for tables of text and `columns/` for which column is what. `reader.py` reads the rows, and says which mistakes
make a file unusable: `csv_rows.py`, `json_rows.py` and `arrow_rows.py` split them into cells, `cells.py` checks these, and
`archives.py` unpacks. `check.py`: what makes a file unusable although each of its rows looks sound. `reversal.py` reads files
that begin with their newest row. `timestamps.py` says which texts are read as the time a candle opened. Last `writer.py`: gzipped
files of this project's columns, complete or not there at all. Nothing here is slow to import; Polars is imported for its formats
alone.
"""

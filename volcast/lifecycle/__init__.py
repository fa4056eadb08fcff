"""What happens over days: the archive, the quality gate, the nightly comparison, the registry, and promotion.

The streaming path knows nothing of this package and runs without it. Read `archive/` first: the rest works on what it wrote. Then
`quality/`, `comparison/` and `registry/`, which `night/` calls in turn; `promotion/` moves the lead on the log, and needs no
library of the extra; `track_record/` verifies what was archived; `ingestion/` fetches candles for users without a stream.
"""

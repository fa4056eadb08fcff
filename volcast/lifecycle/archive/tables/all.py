"""All tables by name, with their schemas. It stands alone because each table's module knows only itself."""

from volcast.lifecycle.archive.layout import ArchiveTable

from .candles import CANDLE_SCHEMA
from .drift_events import DRIFT_EVENT_SCHEMA
from .outcomes import OUTCOME_SCHEMA
from .rejects import REJECT_SCHEMA
from .schemas import Schema
from .signals import SIGNAL_SCHEMA

TABLE_SCHEMAS: dict[ArchiveTable, Schema] = {
    "candles": CANDLE_SCHEMA,
    "signals": SIGNAL_SCHEMA,
    "outcomes": OUTCOME_SCHEMA,
    "rejects": REJECT_SCHEMA,
    "drift_events": DRIFT_EVENT_SCHEMA,
}

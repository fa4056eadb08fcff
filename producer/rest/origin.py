"""How a simulated exchange says that it is one, and what becomes of a client that expected the real venue.

It stands alone because the HTTP client and the connections both look at the header, and the simulation shares no code with them.
"""

SIMULATED_HEADER = "X-Simulated-Exchange"
"""A header of every response of `volcast simulate-exchange`, and of its websocket handshakes."""


class SimulatedVenue(Exception):
    """The venue is a simulated exchange, where the real one was expected: one sentence for the user."""


def simulated_refusal(venue: str) -> str:
    """Return the sentence for a user who has not said that the venue is simulated."""
    return (
        f"this is a simulated exchange and not {venue}: its candles must not be mixed with those of the real market; "
        "set simulated=yes to give its symbols a name of their own."
    )

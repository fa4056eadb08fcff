"""Events of one kind are one message, with the names that fit and the time."""

from volcast.commands.run.notify.events import Event, NoticeTier, messages_of

NOW_S = 1_700_000_000.0


def event(symbol: str, *, is_over: bool = False, tier: NoticeTier = NoticeTier.PAGE) -> Event:
    return Event(tier, f"stale/{symbol}", "no fresh candle", symbol, f"{symbol} is late.", is_over)


def test_a_market_that_stands_still_is_one_message() -> None:
    (message,) = messages_of([event(f"S{number:03}") for number in range(100)], NOW_S)
    assert message.title == "[volcast page] S000, S001, S002, S003, S004, S005 and 94 more: no fresh candle"
    assert message.body.splitlines()[0] == "S000 is late."
    assert message.body.splitlines()[-1] == "2023-11-14 22:13:20 UTC"


def test_beginnings_ends_and_tiers_are_apart() -> None:
    messages = messages_of([event("A"), event("B", is_over=True), event("C", tier=NoticeTier.TICKET), event("D")], NOW_S)
    assert [message.title for message in messages] == [
        "[volcast page] A, D: no fresh candle",
        "[volcast over] B: no fresh candle",
        "[volcast ticket] C: no fresh candle",
    ]


def test_an_event_without_a_symbol_has_a_title_too() -> None:
    (message,) = messages_of([Event(NoticeTier.PAGE, "feed", "feed down", "", "No connection.")], NOW_S)
    assert message.title == "[volcast page] feed down"

"""Several promotions one after the other, as a rollback of symbols with different leaders needs them."""

from tests.market import at
from tests.volcast.lifecycle.promotion.signalled import WARM, answer, asked, signal
from volcast.commands.lifecycle.models.write import wait_for_all, write_all
from volcast.lifecycle.promotion.promote import Promoted
from volcast.lifecycle.promotion.trail import read_trail
from volcast.log.sqlite.log import SqliteLog


async def test_what_was_written_before_a_refusal_is_told_and_returned() -> None:
    told: list[Promoted] = []
    async with SqliteLog(":memory:") as log:
        await answer(log, signal("BTCUSDT", 5, har=WARM))
        done, refused = await write_all(log, [asked(), asked("last"), asked("har", at_ms=at(50))], told.append, dry_run=False)
        assert [each.id for each in (await read_trail(log)).records] == ["000001"]
    assert [each.record.id for each in done] == ["000001"]
    assert told == done
    assert refused is not None
    assert refused.startswith("last is no challenger of BTCUSDT")


async def test_each_symbol_is_waited_for_by_the_last_one_that_names_it() -> None:
    async with SqliteLog(":memory:") as log:
        await answer(log, *[signal(name, 5, har=WARM, ewma=WARM) for name in ("BTCUSDT", "ETHUSDT")])
        requests = [asked(), asked("ewma", symbols=("ETHUSDT",))]
        done, refused = await write_all(log, requests, lambda _: None, dry_run=False)
        assert refused is None
        await answer(log, signal("BTCUSDT", 7, "har"), signal("ETHUSDT", 7, "ewma"))
        shown = await wait_for_all(log, done, 30.0)
    assert [dict(each.switched) for each in shown] == [{"BTCUSDT": at(7)}, {"ETHUSDT": at(7)}]
    assert [each.waiting for each in shown] == [(), ()]

"""Which texts are read as times, which are refused, and that no time is rounded onto a minute."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.candle_files.timestamps import format_open_time, parse_open_time_ms, time_parser

FIVE_PAST_MS = 1_704_067_500_000

instants = st.datetimes(
    min_value=datetime.fromisoformat("1975-01-01"),
    max_value=datetime.fromisoformat("2250-01-01"),
    timezones=st.just(UTC),
)


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01 00:05:00",
        " 2024-01-01 00:05:00 ",
        "2024-01-01 00:05",
        "2024-01-01T00:05:00",
        "2024-01-01T00:05Z",
        "2024-01-01t00:05:00z",
        "2024-01-01 00:05:00 UTC",
        "2024-01-01 00:05:00+00:00",
        "2024-01-01T00:05:00.000000000Z",
        "2024-01-01T00:05:00,000Z",
        "2024-01-01T02:05:00+02:00",
        "2024-01-01T02:05:00+0200",
        "2024-01-01T02:05:00+02",
        "2023-12-31T18:35:00-05:30",
        "20240101T000500Z",
        "1704067500",
        "1704067500.0",
        "1704067500000",
        "1704067500000000",
    ],
)
def test_every_form_of_one_moment_is_read(text: str) -> None:
    assert parse_open_time_ms(text) == FIVE_PAST_MS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "abc",
        "yesterday",
        "2024-01-01",
        "20240101",  # a date, not 20 240 101 seconds
        "20240101000500",  # nor milliseconds
        "2024-02-30 00:00:00",
        "2024-13-01 00:00:00",
        "0000-01-01 00:00:00",
        "2024-01-01 24:00:00",
        "2024-01-01 23:59:60",
        "2024-01-01 00:60:00",
        "2024-01-01 00:05:0x",
        "2024-01-01  00:05:0",
        "2024-01-01 00:05:00 CET",
        "2024-0101T00:05:00",
        # What datetime.fromisoformat reads, at least in some version of Python, and a candle file must not say:
        "2024-W01-1T00:05:00",
        "2024W011T000500",
        "2024-W01-1",
        "2024-001T00:05:00",
        "2024-01-01T00",
        "2024-01-01_00:05:00",
        "2024-01-01x00:05Z",
        "2024-01-01T24:00:00",
        "20240101T240000Z",
        "2024-01-01T00:05:00+00:00:30",
        "2024-01-01T00:05:00+24:00",
        "2024-01-01T00:05:00-00:60",
        "20240101T000500.000x",
        "01/02/2024 00:05:00",
        "٢٠٢٤-٠١-٠١ 00:05:00",
        "1.7040675e9",
        "1_704_067_500",
        "-1704067500",
        "0",
    ],
)
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|calendar"):
        parse_open_time_ms(text)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-9, minutes=-30)), timezone(timedelta(hours=14))])
@given(moment=instants)
def test_iso_8601_as_python_writes_it_is_read(zone: timezone, moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    assert parse_open_time_ms(whole.astimezone(zone).isoformat()) == milliseconds(whole)


@given(moment=instants)
def test_epochs_in_all_units_agree(moment: datetime) -> None:
    ms = milliseconds(moment)
    assert parse_open_time_ms(str(ms)) == parse_open_time_ms(f"{ms}000") == ms
    assert parse_open_time_ms(f"{ms / 1000:.3f}") == ms


@given(ms=st.integers(min_value=-62_135_596_800, max_value=253_402_300_799).map(lambda second: second * 1_000))
def test_a_written_time_reads_back_as_itself(ms: int) -> None:
    assert parse_open_time_ms(format_open_time(ms)) == ms


@pytest.mark.parametrize(
    "text", ["2024-01-01T00:05:00.0001Z", "2024-01-01 00:05:00.0000000000001", "1704067500.0000001", "1704067500000001"]
)
def test_a_fraction_of_a_millisecond_off_the_minute_stays_off_it(text: str) -> None:
    assert parse_open_time_ms(text) == FIVE_PAST_MS + 1


@pytest.mark.parametrize("text", ["2024-02-30 00:05:00", "2024-02-30T00:05Z", "20240230T000500+02"])
def test_a_day_that_does_not_exist_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no 2024-02-30 in the calendar$"):
        parse_open_time_ms(text)


@pytest.mark.parametrize(("text", "off_ms"), [("2024-01-01T00:05:00,250Z", 250), ("2024-01-01T00:05:00.250999", 250)])
def test_fractions_have_a_point_or_a_comma_as_in_iso_8601(text: str, off_ms: int) -> None:
    assert parse_open_time_ms(text) == FIVE_PAST_MS + off_ms


def test_a_time_that_is_not_a_whole_second_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="whole second"):
        format_open_time(FIVE_PAST_MS + 1)


@pytest.mark.parametrize("ms", [-62_135_596_801_000, 253_402_300_800_000, 10**17, 10**30])
def test_a_year_before_1_or_after_9999_can_not_be_written(ms: int) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_open_time(ms)


class TestTimesAsTheUserDescribesThem:
    @given(instants, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]))
    def test_local_times_are_read_unless_the_clocks_show_them_twice(self, moment: datetime, zone: str) -> None:
        local = moment.astimezone(ZoneInfo(zone)).replace(microsecond=0)
        earlier, later = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        text = f"{local:%Y-%m-%d %H:%M:%S}"
        if earlier == later:
            assert time_parser(zone)(text) == milliseconds(moment.replace(microsecond=0))
        else:
            with pytest.raises(ValueError, match=f"the clocks of {zone} show this time twice that day"):
                time_parser(zone)(text)

    def test_a_time_that_no_clock_shows(self) -> None:
        with pytest.raises(ValueError, match="the clocks of Europe/Berlin do not show this time that day; give times in UTC"):
            time_parser("Europe/Berlin")("2024-03-31 02:30:00")

    @pytest.mark.parametrize("text", ["2024-01-01 00:05:00Z", "2024-01-01T01:05+01:00", "2024-01-01 00:05 UTC", "1704067500"])
    def test_times_that_name_their_zone_need_no_other(self, text: str) -> None:
        with pytest.raises(ValueError, match="so that no"):
            time_parser("Europe/Berlin")(text)

    @pytest.mark.parametrize(("unit", "text"), [("s", "1704067500.0"), ("ms", "1704067500000"), ("us", "1704067500000000")])
    def test_the_unit_of_a_number(self, unit: str, text: str) -> None:
        assert time_parser(unit=unit)(text) == FIVE_PAST_MS
        assert time_parser(unit=unit)("2024-01-01 00:05") == FIVE_PAST_MS
        assert time_parser(unit="ns")("1704067500000000001") == FIVE_PAST_MS + 1
        assert time_parser(unit="s")("60") == 60_000

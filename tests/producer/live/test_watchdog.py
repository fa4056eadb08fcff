from producer.live.watchdog import FIRST_DATA_S, MAX_S, MIN_S, SilenceDetector


def test_a_stream_without_data_has_a_minute() -> None:
    silence = SilenceDetector()
    silence.connected(1_000.0)
    assert not silence.is_too_long(1_000.0 + FIRST_DATA_S)
    assert silence.is_too_long(1_001.0 + FIRST_DATA_S)


def test_the_limit_of_a_busy_stream_is_short_and_of_a_quiet_one_long() -> None:
    busy, quiet = SilenceDetector(), SilenceDetector()
    for second in range(200):
        busy.data_arrived(second / 10)
        quiet.data_arrived(second * 30)
    assert busy.limit_s == MIN_S
    assert quiet.limit_s == 600.0


def test_on_a_new_connection_the_silence_begins_anew() -> None:
    silence = SilenceDetector()
    for second in range(0, 100, 2):
        silence.data_arrived(second)
    silence.connected(500.0)
    assert not silence.is_too_long(530.0)
    assert silence.is_too_long(541.0)


def test_the_limit_doubles_with_each_reconnect_without_data() -> None:
    silence = SilenceDetector()
    silence.connected(0.0)
    limits = []
    for _ in range(6):
        limits.append(silence.limit_s)
        silence.caused_reconnect()
    assert limits == [60.0, 120.0, 240.0, 480.0, MAX_S, MAX_S]
    silence.data_arrived(1.0)
    assert silence.limit_s == FIRST_DATA_S

from producer.live.watchdog import FIRST_S, MAX_S, MIN_S, SilenceDetector


def test_a_stream_that_never_spoke_has_a_while() -> None:
    stream = SilenceDetector()
    stream.begin(1_000.0)
    assert not stream.is_too_long(1_000.0 + FIRST_S)
    assert stream.is_too_long(1_001.0 + FIRST_S)


def test_a_busy_stream_is_missed_soon_and_a_rare_one_late() -> None:
    busy, rare = SilenceDetector(), SilenceDetector()
    for second in range(200):
        busy.heard(second / 10)
        rare.heard(second * 30)
    assert busy.limit_s == MIN_S
    assert rare.limit_s == 600.0


def test_a_new_line_has_its_while_again() -> None:
    stream = SilenceDetector()
    for second in range(0, 100, 2):
        stream.heard(second)
    stream.begin(500.0)
    assert not stream.is_too_long(530.0)
    assert stream.is_too_long(541.0)


def test_a_rare_pair_does_not_cost_one_line_after_the_other() -> None:
    stream = SilenceDetector()
    stream.begin(0.0)
    limits = []
    for _ in range(6):
        limits.append(stream.limit_s)
        stream.struck()
    assert limits == [60.0, 120.0, 240.0, 480.0, MAX_S, MAX_S]
    stream.heard(1.0)
    assert stream.limit_s == FIRST_S

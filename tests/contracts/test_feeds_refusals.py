"""What each venue's refusals mean. Only what a venue documents has a meaning; everything else may pass, and is asked again."""

from typing import Any

import msgspec
import pytest

from producer.feeds import VENUES
from producer.feeds.contract import FrameError, MessageKind, VenueError

NO_PAIR, TOO_MANY, BANNED, MAY_PASS = "no such market", "too many", "banned", "may pass"

BODIES: dict[str, list[tuple[Any, str]]] = {
    "binance": [
        ({"code": -1121, "msg": "Invalid symbol."}, NO_PAIR),
        (
            {"code": -1100, "msg": "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."},
            NO_PAIR,
        ),
        ({"code": -1100, "msg": "Illegal characters found in parameter 'startTime'."}, MAY_PASS),
        ({"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."}, TOO_MANY),
        ({"code": -1003, "msg": "Way too much request weight used; IP banned until 1767225661000."}, BANNED),
        ({"code": -1000, "msg": "An unknown error occurred while processing the request for this symbol."}, MAY_PASS),
        ({"code": -1008, "msg": "Server is currently overloaded with other requests."}, MAY_PASS),
        ({"code": 0, "msg": "Service unavailable from a restricted location."}, MAY_PASS),
        ({"code": -1121, "msg": None}, NO_PAIR),
        ({"code": -9}, MAY_PASS),
    ],
    "coinbase": [
        ({"error": "NOT_FOUND", "error_details": "valid product_id is required", "message": "x"}, NO_PAIR),
        ({"error": "INVALID_ARGUMENT", "error_details": 'ProductID "ABC-USD" is invalid', "message": "x"}, NO_PAIR),
        ({"error": "INVALID_ARGUMENT", "message": "start and end argument is invalid"}, MAY_PASS),
        ({"error": "unknown", "error_details": "could not read product candles, try again"}, MAY_PASS),
        ({"error": "INTERNAL", "message": "product service is not available"}, MAY_PASS),
        ({"error": "UNAVAILABLE", "error_details": "no product data now", "message": None}, MAY_PASS),
        ({"errors": [{"id": "rate_limit_exceeded", "message": "Rate limit exceeded"}]}, TOO_MANY),
        ({"error": "RESOURCE_EXHAUSTED", "message": "slow down"}, TOO_MANY),
        ({"message": "Too many requests"}, TOO_MANY),
        ({"message": "NotFound"}, MAY_PASS),
        ({"errors": [{"id": None, "message": "product"}], "error": None}, MAY_PASS),
    ],
    "kraken": [
        ({"error": ["EQuery:Unknown asset pair"]}, NO_PAIR),
        ({"error": ["EQuery:Unknown asset pair"], "result": None}, NO_PAIR),
        ({"error": ["EAPI:Rate limit exceeded"]}, TOO_MANY),
        ({"error": ["EGeneral:Too many requests"], "result": {}}, TOO_MANY),
        ({"error": ["EService:Throttled: 1767225661"]}, TOO_MANY),
        ({"error": ["EGeneral:Temporary lockout"]}, TOO_MANY),
        ({"error": ["EService:Unavailable"], "result": None}, MAY_PASS),
        ({"error": ["EService:Busy"]}, MAY_PASS),
        ({"error": ["EGeneral:Internal error", "WService:pair"]}, MAY_PASS),
        ({"error": ["EService:Market in cancel_only mode"]}, MAY_PASS),
    ],
    "bybit": [
        ({"retCode": 10001, "retMsg": "params error: Symbol Is Invalid", "result": {}}, NO_PAIR),
        ({"retCode": 10001, "retMsg": "Not supported symbols", "result": {}}, NO_PAIR),
        ({"retCode": 170121, "retMsg": "Invalid symbol.", "result": None}, NO_PAIR),
        ({"retCode": 10001, "retMsg": "params error: limit", "result": []}, MAY_PASS),
        ({"retCode": 10001, "retMsg": "symbol service busy"}, MAY_PASS),
        ({"retCode": 10006, "retMsg": "Too many visits!"}, TOO_MANY),
        ({"retCode": 10429, "retMsg": "System level frequency protection"}, TOO_MANY),
        ({"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit."}, BANNED),
        ({"retCode": 403, "retMsg": "access too frequent"}, BANNED),
        ({"retCode": 10016, "retMsg": "Internal server error"}, MAY_PASS),
        ({"retCode": 10000, "retMsg": None, "result": "x"}, MAY_PASS),
    ],
    "okx": [
        ({"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}, NO_PAIR),
        ({"code": 51001, "msg": None}, NO_PAIR),
        ({"code": "50011", "msg": "Rate limit reached."}, TOO_MANY),
        ({"code": "50013", "msg": "Systems are busy. Please try again later.", "data": None}, MAY_PASS),
        ({"code": "50001", "msg": "Service temporarily unavailable."}, MAY_PASS),
        ({"code": "51000", "msg": "Parameter instId error"}, MAY_PASS),
        ({"code": "1", "msg": "", "data": {}}, MAY_PASS),
    ],
    "bitstamp": [
        ({"status": "error", "reason": "Market not available.", "response_code": "404.003"}, NO_PAIR),
        ({"status": "error", "reason": "Invalid pair.", "code": "404"}, NO_PAIR),
        ({"code": 404, "message": "x"}, NO_PAIR),
        ({"error": {"__all__": ["invalid currency pair"]}}, NO_PAIR),
        ({"status": "error", "reason": "Request rate limit exceeded.", "response_code": "400.002"}, TOO_MANY),
        ({"status": "error", "reason": "x", "code": "400.067"}, TOO_MANY),
        ({"reason": "Too many requests for this pair", "response_code": None}, TOO_MANY),
        ({"status": "error", "reason": "could not read this pair, try again", "response_code": "500.001"}, MAY_PASS),
        ({"status": "error", "reason": {"__all__": ["API temporarily unavailable"]}, "code": "API0000"}, MAY_PASS),
        ({"status": "error"}, MAY_PASS),
        ({"response_code": 503}, MAY_PASS),
        ({"message": "internal"}, MAY_PASS),
    ],
}
CASES = [(venue, body, meaning) for venue, cases in BODIES.items() for body, meaning in cases]


@pytest.mark.parametrize(("venue", "body", "meaning"), CASES, ids=[f"{venue}-{body}"[:80] for venue, body, _ in CASES])
def test_a_refusal_means_what_the_venue_documents_and_else_nothing(venue: str, body: Any, meaning: str) -> None:
    with pytest.raises(VenueError) as refused:
        VENUES[venue].page(msgspec.json.encode(body))
    error = refused.value
    assert str(error)
    assert (error.unknown_pair, error.too_many, error.ban_s > 0) == (
        meaning == NO_PAIR,
        meaning in {TOO_MANY, BANNED},
        meaning == BANNED,
    )


@pytest.mark.parametrize("venue", VENUES)
def test_any_other_answer_is_never_taken_for_no_such_market(venue: str) -> None:
    words = ("product", "pair", "symbol", "market", "not found", "invalid")
    others = [b"<html>404 Not Found: no such market</html>", b"[]x", b"null", b'"pair not found"', b'{"x":"invalid pair"}']
    others += [msgspec.json.encode({name: word}) for name in ("message", "msg", "detail", "title") for word in words]
    for body in others:
        with pytest.raises((VenueError, FrameError)) as refused:
            VENUES[venue].page(body)
        assert not getattr(refused.value, "unknown_pair", False), body


REFUSED_FRAMES = {
    "binance": ['{"error":{"code":2,"msg":null},"id":null}', '{"code":3,"msg":null}'],
    "coinbase": ['{"type":"error","message":"x","reason":null,"product_id":null,"time":null}'],
    "kraken": [
        '{"error":"Malformed request","method":"subscribe","success":false,"symbol":null,"time_in":null,"time_out":null}',
        '{"error":"x","method":null,"result":null,"success":false,"req_id":null}',
        '{"error":null,"method":"subscribe","success":false}',
    ],
    "bybit": ['{"success":false,"ret_msg":"error:handler not found","conn_id":"1","req_id":null,"op":"subscribe"}'],
    "okx": ['{"event":"error","code":60012,"msg":null,"connId":"a"}', '{"event":"error","msg":"x"}'],
    "bitstamp": ['{"event":"bts:error","channel":"","data":{"code":4009,"message":null}}'],
}


@pytest.mark.parametrize(("venue", "frame"), [(venue, frame) for venue, frames in REFUSED_FRAMES.items() for frame in frames])
def test_a_frame_of_refusal_may_lack_what_it_is_not_about(venue: str, frame: str) -> None:
    message = VENUES[venue].parse(frame)
    assert message.kind is MessageKind.REFUSED
    assert message.detail


def test_a_warning_of_kraken_is_no_error() -> None:
    body = b'{"error":["WGeneral:Deprecated"],"result":{"XXBTZUSD":[],"last":1}}'
    assert VENUES["kraken"].page(body) == ([], [])

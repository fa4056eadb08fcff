"""A parameter that a path does not have, or that comes twice, is refused; what others append to process paths is not."""

import pytest

from tests.api.routes.served import served, view_of

PATHS = ("/latest", "/latest/A", "/symbols", "/drift", "/drift/A", "/models", "/models/A", "/quality/A", "/history/A", "/config")


@pytest.mark.parametrize("path", [*PATHS, "/stream", "/probability/A"])
async def test_no_path_of_numbers_takes_a_parameter_that_it_does_not_have(path: str) -> None:
    async with served(view_of("A")) as client:
        response = await client.get(f"{path}?horizn=240")
    assert (response.status_code, response.json()["parameter"]) == (422, "horizn")
    assert response.json()["detail"].startswith("'horizn' is no parameter of this path; ")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("/probability/A?touch=9&horizn=240", "'horizn' is no parameter of this path; did you mean horizon?"),
        ("/history/A?before=5", "'before' is no parameter of this path; there are from, to, limit, after, format"),
        ("/history/A?start=0&limit=2&limit=3", "'start' is no parameter of this path; there are from, to, limit, after, format"),
        ("/latest/A?symbol=B", "'symbol' is no parameter of this path; there are none here"),
        ("/probability/A?touch=9&touch=8", "touch is given 2 times; give it once"),
        (
            "/history/A?" + "x" * 1_000 + "=1",
            f"'{'x' * 60}' is no parameter of this path; there are from, to, limit, after, format",
        ),
    ],
)
async def test_the_sentence_says_what_there_is(query: str, detail: str) -> None:
    async with served(view_of("A")) as client:
        response = await client.get(query)
    assert (response.status_code, response.json()["detail"]) == (422, detail)


@pytest.mark.parametrize("path", ["/health", "/metrics", "/"])
async def test_probes_and_scrapers_may_append_what_they_like(path: str) -> None:
    async with served(view_of("A")) as client:
        assert (await client.get(f"{path}?x=1")).status_code == 200

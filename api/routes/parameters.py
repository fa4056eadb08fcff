"""Parameters that a route does not know are refused: an answer to another question than the one that was meant looks right."""

from difflib import get_close_matches

from fastapi import Request
from fastapi.routing import APIRoute

from .problems import ProblemError, invalid_request

_SHOWN = 60


def check_parameters(request: Request) -> None:
    """Raise ProblemError (422) for a query parameter that the route does not have, or that comes twice."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute):
        return
    given = [name for name, _ in request.query_params.multi_items()]
    if not given:
        return
    known = [field.alias for field in route.dependant.query_params]
    for name in given:
        if name not in known:
            raise ProblemError(invalid_request(_unknown(name, known), f"{name:.{_SHOWN}}"))
        if given.count(name) > 1:
            raise ProblemError(invalid_request(f"{name} is given {given.count(name)} times; give it once", name))


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    there_are = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none here"
    return f"{name[:_SHOWN]!r} is no parameter of this path; {there_are}"

"""What is told of a night: a title that is understood on a phone, and a line for each step. Pure."""

from collections.abc import Mapping

from .results import StepResult


def title_of(day: str, results: Mapping[str, StepResult]) -> str:
    """Return the title, by what matters most: a failure, a promotion, a winner, or that nothing has changed."""
    failed = [name for name, result in results.items() if not result.passed]
    if failed:
        return f"[volcast ticket] night of {day}: {failed[0]} failed"
    if promotion := results.get("promote"):
        return f"[volcast info] night of {day}: {promotion.details.get('model', 'a model')} was promoted"
    compared = results.get("compare")
    if compared and compared.details.get("winner"):
        return f"[volcast info] night of {day}: {compared.details['winner']} should lead"
    return f"[volcast info] night of {day}: the champion goes on"


def text_of(results: Mapping[str, StepResult]) -> str:
    """Return the body: a line for each step that has a result."""
    return "\n".join(f"{name}: {result.summary}" for name, result in results.items()) or "No step has a result."

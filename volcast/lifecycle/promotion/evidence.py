"""A comparison as evidence of a promotion: its main figures, and whether it says what the promotion claims."""

from collections.abc import Collection
from pathlib import Path

from .record import PromotionEvidence, digest_of


def read_evidence(path: Path, model: str, mlflow_run: str | None = None) -> PromotionEvidence:
    """Return what a file of `volcast compare` says of a model, and the run in which MLflow has the comparison.

    Raises ValueError with a sentence if the file says nothing of the model.
    """
    from volcast.lifecycle.comparison.result import BadComparisonError, decode_comparison  # noqa: PLC0415  # loads NumPy

    try:
        content = path.read_bytes()
        found = decode_comparison(content)
        compared = found.model(model)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except BadComparisonError as error:
        raise ValueError(f"{path}: {error}") from None
    except KeyError:
        names = ", ".join(each.model for each in found.models)
        raise ValueError(f"{path} says nothing of {model}; it compares {names}") from None
    own = compared.evidence
    return PromotionEvidence(
        file=path.name,
        sha256=digest_of(content),
        interval=found.interval,
        champion=found.champion,
        winner=found.winner,
        summary=found.summary,
        reason=compared.decision.reason if compared.decision else None,
        outcomes=own.outcomes if own else None,
        days=own.days if own else None,
        qlike_ratio=own.qlike_ratio if own else None,
        dm=own.dm if own else None,
        p_better=own.p_better if own else None,
        mlflow_run=mlflow_run,
    )


def objection_of(evidence: PromotionEvidence | None, model: str, leaders: Collection[str], *, is_explained: bool) -> str | None:
    """Return why the evidence does not support the promotion, unless that is explained by a reason of the user's own."""
    if evidence is None or is_explained:
        return None
    if evidence.winner != model:
        verdict = f"lets {evidence.winner} lead" if evidence.winner else "keeps the champion"
        return f"{evidence.file} {verdict}: {evidence.summary} To promote {model} nevertheless, say why with --why"
    if others := sorted(set(leaders) - {evidence.champion}):
        text = f"{evidence.file} compares {model} with {evidence.champion}, but {', '.join(others)} leads now"
        return f"{text}: compare anew, or say with --why why it holds nevertheless"
    return None

"""What DVC shows of a comparison: numbers for `dvc metrics`, tables for `dvc plots`, and both reports in one file.

Usage: report.py FOLDER, which has gate.json, gate.md, comparison.json and comparison.md of `volcast`. It writes metrics.json,
report.md, and for each model daily/MODEL.csv with its mean loss a day, alone and divided by the champion's. It needs no library.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

SCORES = ("qlike", "r2_level", "rmse_level_bp", "mae_level_bp", "r2_log", "rmse_log", "mae_log", "coverage", "outcomes")
EVIDENCE = ("qlike_ratio", "dm", "p_better")


def metrics(gate: dict[str, Any], comparison: dict[str, Any]) -> dict[str, Any]:
    """Return a tree of numbers: of the gate, and of each model by symbol and against the champion."""
    checks = gate["verdict"]["checks"]
    found: dict[str, Any] = {"gate": {"checks": len(checks), "failed": sum(not check["passed"] for check in checks)}}
    for model in comparison["models"]:
        numbers = {each["symbol"]: {name: each[name] for name in SCORES} for each in model["scores"]}
        if model["evidence"]:
            numbers["against_champion"] = {name: model["evidence"][name] for name in EVIDENCE}
        found[model["model"]] = numbers
    return found


def daily(comparison: dict[str, Any]) -> dict[str, list[dict[str, object]]]:
    """Return the rows of each model: a day, its mean QLIKE, and that divided by the champion's; only days with outcomes."""
    champion = comparison["models"][0]["daily_qlike"]
    return {
        model["model"]: [
            {"day": day, "qlike": loss, "qlike_ratio": loss / reference}
            for day, loss, reference in zip(comparison["days"], model["daily_qlike"], champion, strict=True)
            if loss is not None and reference
        ]
        for model in comparison["models"]
    }


def main(folder: Path) -> None:
    """Read what the stages before have written, and write the rest."""
    gate = json.loads((folder / "gate.json").read_text(encoding="utf-8"))
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    (folder / "metrics.json").write_text(json.dumps(metrics(gate, comparison), indent=1) + "\n", encoding="utf-8")
    (folder / "daily").mkdir(exist_ok=True)
    for model, rows in daily(comparison).items():
        with (folder / "daily" / f"{model}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["day", "qlike", "qlike_ratio"])
            writer.writeheader()
            writer.writerows(rows)
    parts = [(folder / name).read_text(encoding="utf-8") for name in ("comparison.md", "gate.md")]
    (folder / "report.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

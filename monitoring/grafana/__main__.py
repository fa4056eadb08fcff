"""Write the dashboards and the alert rules: `python -m monitoring.grafana`. Says which files have changed."""

from .files import FOLDER, made


def main() -> None:
    """Write each file whose content has changed."""
    for path, content in made().items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER)}")  # noqa: T201  # a command prints


if __name__ == "__main__":
    main()

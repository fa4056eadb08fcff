"""The batch job, from a checkout: `python run.py --input data.csv --config config.yaml --output metrics.json --log-file run.log`.

It is the command `volcast signal`; docs/batch.md describes it. What this file adds is a sentence for a Python that cannot run it.
"""

import sys

ADVICE = "say `make setup`, then `.venv/bin/python run.py ...`"

if sys.version_info < (3, 11):  # noqa: UP036  # it is an older one that has to be told
    sys.exit("run.py needs Python 3.11 or newer, with the libraries: " + ADVICE)


def explain(missing: str) -> None:
    """Say that a library is missing: on standard error and as the result of the job. The standard library is enough for that."""
    from volcast.batch.result import failure_without_libraries  # noqa: PLC0415

    sentence = f"The library {missing} is missing: {ADVICE}"
    print(sentence, file=sys.stderr)  # noqa: T201
    print(failure_without_libraries(sys.argv[1:], sentence))  # noqa: T201


if __name__ == "__main__":
    try:
        from volcast.cli.main import main
        from volcast.commands.candles import signal  # noqa: F401
    except ModuleNotFoundError as error:
        explain(str(error.name))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.argv[1:1] = ["signal"]
    main()

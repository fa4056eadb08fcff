"""Who may import whom. The table is the architecture; docs/decisions tells why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "volcast.core": ROOT / "volcast/core",
    "volcast.log": ROOT / "volcast/log",
    "volcast.simulation": ROOT / "volcast/simulation",
    "volcast.backtest": ROOT / "volcast/backtest",
    "volcast.candle_files": ROOT / "volcast/candle_files",
    "producer": ROOT / "producer",
    "consumer": ROOT / "consumer",
    "api": ROOT / "api",
}
OURS = ("volcast", "producer", "consumer", "api", "tests", "bench")
MAY_IMPORT_OF_OURS = {
    "volcast.core": ("volcast.core",),
    "volcast.log": ("volcast.log", "volcast.pacing"),
    "volcast.candle_files": ("volcast.candle_files", "volcast.atomic_file"),
    "volcast.simulation": ("volcast.core", "volcast.simulation"),
    "volcast.backtest": ("volcast.core", "volcast.backtest"),
    "producer": (
        "volcast.core",
        "volcast.log",
        "volcast.metrics",
        "volcast.durations",
        "volcast.pacing",
        "volcast.stall",
        "volcast.atomic_file",
        "volcast.candle_files",
        "producer",
    ),
    "consumer": (
        "volcast.core",
        "volcast.log",
        "volcast.metrics",
        "volcast.durations",
        "volcast.pacing",
        "volcast.stall",
        "volcast.atomic_file",
        "volcast.candle_files",
        "consumer",
    ),
    "api": (
        "volcast.core",
        "volcast.log",
        "volcast.metrics",
        "volcast.durations",
        "volcast.pacing",
        "volcast.stall",
        "volcast.atomic_file",
        "volcast.candle_files",
        "api",
    ),
}
PURE_LIBRARIES = {"numpy", "scipy", "river", "msgspec"}
PURE_STDLIB = {
    "array",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "importlib.resources",
    "itertools",
    "math",
    "re",
    "typing",
    "zlib",
}
"""What the core may use of the standard library: nothing here knows the network or chance. Dates are calculated with, `now` is
forbidden by the linter; of files it reads its own, that are shipped with it."""


def imports_of(file: Path) -> Iterator[str]:
    """Each imported module by its full name, wherever in the file the import stands."""
    package = list(file.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            yield from (".".join([*module, alias.name]) for alias in node.names)


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def all_imports(folder: Path) -> list[tuple[Path, str]]:
    return [(file, module) for file in sorted(folder.rglob("*.py")) for module in imports_of(file)]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_its_neighbours(room: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}: {module}"
        for file, module in all_imports(ROOMS[room])
        if within(module, OURS) and not within(module, MAY_IMPORT_OF_OURS[room])
    ]
    assert not wrong


def test_the_core_is_pure() -> None:
    allowed = PURE_LIBRARIES | PURE_STDLIB | {"volcast"}
    wrong = [
        f"{file.name}: {module}" for file, module in all_imports(ROOMS["volcast.core"]) if not within(module, tuple(allowed))
    ]
    assert not wrong


def test_kafka_files_alone_import_aiokafka() -> None:
    for room, folder in ROOMS.items():
        files = {file.name for file, module in all_imports(folder) if module.split(".")[0] == "aiokafka"}
        assert files <= {file.name for file in (ROOT / "volcast/log/kafka").glob("*.py")}, room
        assert room == "volcast.log" or not files


def test_settings_are_imported_by_commands_alone() -> None:
    importers = {
        file.relative_to(ROOT).parts[:2]
        for top in ("volcast", "producer", "consumer", "api")
        for file, module in all_imports(ROOT / top)
        if within(module, ("volcast.settings",))
    }
    assert importers <= {("volcast", "commands"), ("volcast", "cli"), ("volcast", "settings")}


@pytest.mark.parametrize("package", ["volcast.commands", "volcast.proof"])
def test_nobody_imports_what_stands_on_top(package: str) -> None:
    """Only the command that runs the proof."""
    importers = {
        file.relative_to(ROOT).parts[:2]
        for top in ("volcast", "producer", "consumer", "api")
        for file, module in all_imports(ROOT / top)
        if within(module, (package,))
    }
    assert importers <= {("volcast", "commands"), ("volcast", "proof"), tuple(package.split("."))}


def test_every_package_is_held_by_a_wall() -> None:
    """A new folder must be put into the table."""
    packages = {".".join(file.parent.relative_to(ROOT).parts) for top in OURS[:4] for file in (ROOT / top).rglob("*.py")}
    above = ("volcast.cli", "volcast.commands", "volcast.proof", "volcast.settings")
    free = {"volcast"} | {name for name in packages if within(name, above)}
    assert {name for name in packages if not within(name, tuple(ROOMS))} == free


def test_files_stay_small() -> None:
    long = [
        f"{file.relative_to(ROOT)}: {lines}"
        for top in OURS
        for file in (ROOT / top).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 300
    ]
    assert not long


def test_tests_mirror_the_tree() -> None:
    """tests/a/b/test_c*.py tells of a/b/c*.py: a file that moves takes its tests along."""
    folders = [
        str(folder.relative_to(ROOT))
        for top in OURS[:4]
        for folder in (ROOT / top, *(ROOT / top).rglob("*"))
        if folder.is_dir() and any(folder.glob("*.py"))
    ]
    for folder in folders:
        stems = {file.stem for file in (ROOT / folder).glob("*.py")}
        strangers = [
            test.relative_to(ROOT)
            for test in (ROOT / "tests" / folder).glob("test_*.py")
            if not any(test.stem.removeprefix("test_").startswith(stem) for stem in stems)
        ]
        assert not strangers

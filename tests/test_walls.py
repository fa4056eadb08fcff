"""The architecture as tests: who may import whom, one name in one file, the size of files and folders, the short path."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("volcast", "producer", "consumer", "api", "tests", "bench", "examples", "monitoring")
SOURCES = OURS[:4]
SMALL_MODULES = ("volcast.metrics", "volcast.timing", "volcast.atomic_file", "volcast.urls")
SERVICES_MAY = ("volcast.core", "volcast.log", "volcast.candle_files", *SMALL_MODULES)
BELOW_CLI = (*SERVICES_MAY, "producer", "consumer", "api", "volcast.backtest", "volcast.simulation", "volcast.settings")
LIFECYCLE_MAY = (*SERVICES_MAY, "volcast.backtest", "volcast.library", "volcast.urls")
MAY_IMPORT_OF_OURS = {
    "volcast.core": ("volcast.core",),
    "volcast.timing": (),
    "volcast.atomic_file": (),
    "volcast.urls": (),
    "volcast.client": ("volcast.client", "volcast.timing", "volcast.urls"),
    "volcast.metrics": ("volcast.timing", "volcast.metrics"),
    "volcast.candle_files": ("volcast.candle_files", "volcast.atomic_file"),
    "volcast.log": ("volcast.log", "volcast.timing"),
    "volcast.simulation": ("volcast.core", "volcast.simulation"),
    "volcast.backtest": ("volcast.core", "volcast.backtest"),
    "volcast.library": ("volcast.core", "volcast.candle_files", "volcast.atomic_file", "volcast.library"),
    "volcast.batch": ("volcast.core", "volcast.candle_files", "volcast.atomic_file", "volcast.batch"),
    "volcast.lifecycle": (*LIFECYCLE_MAY, "volcast.lifecycle"),
    "producer": (*SERVICES_MAY, "producer"),
    "consumer": (*SERVICES_MAY, "consumer"),
    "api": (*SERVICES_MAY, "api"),
    "volcast.settings": ("volcast.settings", "volcast.urls"),
    "volcast.cli": (*BELOW_CLI, "volcast.cli"),
    "volcast.proof": (*BELOW_CLI, "volcast.proof", "volcast.cli"),
    "volcast.commands": OURS[:4],
}
"""docs/architecture.md explains this table."""
MAX_ENTRIES = 14
APART = (ROOT / "volcast/client", ROOT / "volcast/library", ROOT / "volcast/lifecycle")
"""What users import, and what happens over days: who reads the pipeline need not know it, so it does not count in its folder."""
MIN_LINES, MAX_LINES = 40, 300
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


@cache
def imports_of(file: Path) -> tuple[str, ...]:
    """Each imported module by its full name, wherever in the file the import stands."""
    return tuple(_imports_of(file))


def _imports_of(file: Path) -> Iterator[str]:
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


def docstring_of(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""


def files_of(package: str) -> list[Path]:
    path = ROOT.joinpath(*package.split("."))
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def all_sources() -> list[Path]:
    return [file for top in SOURCES for file in sorted((ROOT / top).rglob("*.py"))]


def packages() -> list[Path]:
    return sorted({file.parent for file in all_sources()})


@pytest.mark.parametrize("package", MAY_IMPORT_OF_OURS)
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}: {module}"
        for file in files_of(package)
        for module in imports_of(file)
        if within(module, OURS) and not within(module, MAY_IMPORT_OF_OURS[package])
    ]
    assert not wrong


def test_every_module_is_in_the_table() -> None:
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in all_sources()}
    assert {name for name in modules if not within(name, tuple(MAY_IMPORT_OF_OURS))} == {"volcast.__init__"}


def test_the_core_is_pure() -> None:
    allowed = PURE_LIBRARIES | PURE_STDLIB | {"volcast"}
    wrong = [
        f"{file.name}: {module}"
        for file in files_of("volcast.core")
        for module in imports_of(file)
        if not within(module, tuple(allowed))
    ]
    assert not wrong


def test_only_the_kafka_log_imports_aiokafka() -> None:
    """And the proof, which looks at the topics from outside."""
    users = {file.parent for file in all_sources() for module in imports_of(file) if within(module, ("aiokafka",))}
    kafka = ROOT / "volcast/log/kafka"
    assert users == {kafka, kafka / "access", kafka / "standby", ROOT / "volcast/proof/processes"}


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("volcast.settings", {"volcast.settings", "volcast.cli", "volcast.commands"}),
        ("volcast.proof", {"volcast.proof", "volcast.commands"}),
        ("volcast.lifecycle", {"volcast.lifecycle", "volcast.commands"}),
        ("volcast.commands", {"volcast.commands"}),
    ],
)
def test_packages_at_the_top_are_imported_by_few(package: str, users: set[str]) -> None:
    found = {
        ".".join(file.relative_to(ROOT).parts[:2])
        for file in all_sources()
        for module in imports_of(file)
        if within(module, (package,))
    }
    assert found <= users


def test_no_command_imports_another() -> None:
    """`commands/x.py` and `commands/x/` import nothing of `commands/y`: what two share belongs to `volcast.cli`."""
    wrong = []
    for file in files_of("volcast.commands"):
        own = file.relative_to(ROOT / "volcast/commands").parts[0].removesuffix(".py")
        others = [m for m in imports_of(file) if within(m, ("volcast.commands",)) and m.split(".")[2] != own]
        wrong += [f"{file.relative_to(ROOT)}: {module}" for module in others]
    assert not wrong


def test_a_public_name_is_defined_in_one_file() -> None:
    """Apart from `command`, the entry point that each command has."""
    where: dict[str, set[str]] = {}
    for file in all_sources():
        for node in ast.parse(file.read_text()).body:
            for name in names_defined_by(node):
                if not name.startswith("_"):
                    where.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    several = {name: files for name, files in where.items() if len(files) > 1 and name != "command"}
    assert not several


def names_defined_by(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Assign):
        return [each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return []


def test_files_have_one_size() -> None:
    """At most 300 lines; a file below 40 says in its docstring why it stands alone (it has more than one sentence)."""
    sizes = {file: len(file.read_text().splitlines()) for top in OURS for file in (ROOT / top).rglob("*.py")}
    assert [f"{file.relative_to(ROOT)}: {lines}" for file, lines in sizes.items() if lines > MAX_LINES] == []
    small = [file for file in all_sources() if sizes[file] < MIN_LINES and file.name != "__init__.py"]
    unexplained = [str(file.relative_to(ROOT)) for file in small if not re.search(r"\.\s+\S", docstring_of(file))]
    assert not unexplained


def test_folders_stay_small() -> None:
    not_counted = {"__init__.py", "__pycache__", "py.typed"}
    large = {}
    for folder in packages():
        entries = [each for each in folder.iterdir() if each not in APART and each.suffix != ".so"]
        if (count := len([each for each in entries if each.name not in not_counted])) > MAX_ENTRIES:
            large[str(folder.relative_to(ROOT))] = count
    assert not large


def test_every_package_says_what_is_in_it() -> None:
    """In about six lines: what is in the package, and in which order to read it."""
    silent = [
        str(folder.relative_to(ROOT)) for folder in packages() if len(docstring_of(folder / "__init__.py").splitlines()) < 3
    ]
    assert not silent


def test_the_short_path_is_short() -> None:
    """The files that the page names for reading one candle's path sum to less than 1 000 lines."""
    page = (ROOT / "docs/life-of-a-candle.md").read_text()
    short_path = [
        "volcast/core/types.py",
        "volcast/log/contract.py",
        "consumer/worker.py",
        "consumer/shard.py",
        "volcast/core/engine.py",
        "api/view.py",
    ]
    positions = [page.index(f"`{file}`") for file in short_path]
    assert positions == sorted(positions)
    assert sum(len((ROOT / file).read_text().splitlines()) for file in short_path) < 1_000


def test_the_glossary_names_the_classes_of_the_live_producer() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()
    classes = [
        node.name
        for file in files_of("producer.live")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [name for name in classes if f"`{name}`" not in glossary] == []


def test_tests_mirror_the_tree() -> None:
    """tests/a/b/test_c*.py tests a/b/c*.py: a file that moves takes its tests along."""
    strangers = []
    for folder in packages():
        stems = {file.stem for file in folder.glob("*.py")}
        strangers += [
            str(test.relative_to(ROOT))
            for test in (ROOT / "tests" / folder.relative_to(ROOT)).glob("test_*.py")
            if not any(test.stem.removeprefix("test_").startswith(stem) for stem in stems)
        ]
    orphans = [
        str(test.relative_to(ROOT))
        for top in SOURCES
        for test in (ROOT / "tests" / top).rglob("test_*.py")
        if not (ROOT / test.parent.relative_to(ROOT / "tests")).is_dir()
    ]
    assert strangers + orphans == []


def test_parameters_have_an_order() -> None:
    """The order of a set changes from process to process, and pytest-xdist refuses workers that collect in another order."""
    unordered = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("parametrize") and any(map(is_set, call.args[1:2]))
    ]
    assert not unordered


def is_set(values: ast.expr) -> bool:
    if isinstance(values, ast.BinOp):
        return is_set(values.left) or is_set(values.right)
    makes_a_set = isinstance(values, ast.Call) and ast.unparse(values.func) in {"set", "frozenset"}
    return makes_a_set or isinstance(values, ast.Set | ast.SetComp)

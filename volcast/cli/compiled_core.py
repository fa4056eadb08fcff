"""Whether the compiled core is that of the source beside it: in a checkout the source can change after it was compiled.

`setup.py` says which modules are compiled. Python prefers a compiled module to the source of the same name, so an old one would
compute what the source no longer says. An installed wheel cannot be in that state, and is not looked at.
"""

from pathlib import Path

CORE = Path(__file__).parent.parent / "core"
REMEDY = "`make compile` compiles it again, `make pure` goes without"


def is_compiled(core: Path = CORE) -> bool:
    """Return whether compiled modules lie beside the source of the core."""
    return next(core.glob("*.so"), None) is not None


def stale_module(core: Path = CORE) -> str | None:
    """Return the name of a source file that is newer than its compiled module, or is no longer there; None if there is none."""
    if not (core.parent.parent / "setup.py").exists():
        return None
    for module in core.rglob("*.so"):
        source = module.with_name(module.name.split(".", 1)[0] + ".py")
        if "__mypyc" in source.name:  # what all compiled modules share
            continue
        if not source.exists() or source.stat().st_mtime > module.stat().st_mtime:
            return str(source.relative_to(core.parent.parent))
    return None

# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.11"]
# ///
"""The workshop: `nox` runs all that must hold, `nox -s tests-3.12` one session, `nox -l` lists them."""

from pathlib import Path

import nox

nox.needs_version = ">=2025.11"
nox.options.default_venv_backend = "uv|virtualenv"
# A machine with one Python is enough: absent ones are skipped, in CI too.
nox.options.error_on_missing_interpreters = False

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
BENCH = ROOT / "tests" / "bench"
# Many tests wait for disks, processes and time. What stands in one file stays together: a page's examples build on
# one another.
SHARED_OUT = ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
PEERS = sorted(path.stem for path in (BENCH / "peers").glob("[!_]*.py"))


def install(session: nox.Session, *groups: str, extras: str = "cli,trio") -> None:
    """Install the checkout with *extras*, and the dependency *groups*."""
    session.install("-e", f".[{extras}]", *nox.project.dependency_groups(PYPROJECT, *groups))


def install_tools(session: nox.Session, *groups: str) -> None:
    """Install the dependency *groups* alone, for tools that only read."""
    session.install(*nox.project.dependency_groups(PYPROJECT, *groups))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests and the examples of the documents; arguments after -- go to pytest, which then runs alone."""
    install(session, "tests", extras="cli,trio,postgres")
    session.run("python", "-m", "pytest", *(session.posargs or SHARED_OUT))


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Hurt the stores in every way, and plant bugs that must be found; arguments after -- go to the campaign."""
    install(session, "tests", "postgres", extras="cli,trio,postgres")
    session.run("python", "-m", "tests.faults.campaign", *(session.posargs or ["--planted"]))


@nox.session(default=False)
def postgres(session: nox.Session) -> None:
    """Run the tests of the PostgreSQL store alone, on a server of its own or the one TASKORCH_TEST_POSTGRES names."""
    install(session, "tests", "postgres", extras="cli,trio,postgres")
    session.run("python", "-m", "pytest", "tests/stores/postgres", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install_tools(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(default=False)
def fix(session: nox.Session) -> None:
    """Mend what ruff can mend."""
    install_tools(session, "lint")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package, and of the file that uses it as a host would."""
    install(session, "typing")
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that the walls hold."""
    install(session, "layers")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; every warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-n", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def examples(session: nox.Session) -> None:
    """Run every example as a user would, from an empty directory."""
    install(session, extras="cli")
    found = sorted(ROOT.glob("examples/*/workflow.json"))
    if not found:
        session.error("there is no examples/*/workflow.json")
    for workflow in found:
        with session.chdir(session.create_tmp()):
            session.run("python", "-m", "taskorch", "run", str(workflow), "--store", "memory:")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print the figures of tests/bench/, then those of the peers; arguments after -- name the files to run, alone."""
    install(session)
    for script in session.posargs or sorted(map(str, BENCH.glob("*.py"))):
        session.run("python", script)
    if not session.posargs:
        for peer in PEERS:
            session.notify(f"bench_peers({peer})")


@nox.session(default=False)
@nox.parametrize("peer", [nox.param(peer, id=peer) for peer in PEERS])
def bench_peers(session: nox.Session, peer: str) -> None:
    """Measure one peer in an environment of its own; arguments after -- are its rounds and workloads."""
    needs = nox.project.load_toml(BENCH / "peers" / f"{peer}.py")["dependencies"]
    if needs:
        session.install(*needs)
    else:
        install(session)  # ourselves, measured like the others
    kept = session.cache_dir.absolute() / "bench_peers"  # each session shows all that has been measured
    kept.mkdir(exist_ok=True)
    with session.chdir(BENCH):
        lines = session.run("python", "-m", f"peers.{peer}", *session.posargs, silent=True, stderr=None)
        if isinstance(lines, str):
            (kept / f"{peer}.jsonl").write_text(lines, encoding="utf-8")
            session.run("python", "-m", "peers", *map(str, sorted(kept.glob("*.jsonl"))))


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Show the next changelog; `nox -s changelog -- --yes` writes it and removes the fragments."""
    install_tools(session, "changelog")
    version = PYPROJECT["project"]["version"]
    session.run("towncrier", "build", "--version", version, *(session.posargs or ["--draft"]))


if __name__ == "__main__":
    nox.main()

"""``CommandDispatcher``: what a command is given, what is made of what it writes, and how it fails."""

import os
import signal
import stat
import sys
import traceback
from pathlib import Path
from typing import Literal

import anyio
import pytest

from taskorch.dispatchers import CommandDispatcher
from taskorch.errors import OutputNotStorable, StepError, StepFailed
from taskorch.protocols import Job
from tests.dispatchers.jobs import QuietReport, body, command, python
from tests.dispatchers.processes import descriptors, zombies

Containment = Literal["tree", "group"]
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(params=["tree", "group"])
def containment(request: pytest.FixtureRequest) -> Containment:
    """Everything here holds for both ways of containment."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def dispatcher(containment: Containment, tmp_path: Path) -> CommandDispatcher:
    """A dispatcher in an empty directory."""
    return CommandDispatcher(directory=tmp_path, containment=containment)


async def run(dispatcher: CommandDispatcher, job: Job) -> object:
    """The output of the job."""
    return await dispatcher.dispatch(job, QuietReport())


async def failure(dispatcher: CommandDispatcher, job: Job) -> StepFailed:
    """The error of the job."""
    with pytest.raises(StepFailed) as caught:
        await run(dispatcher, job)
    return caught.value


class TestOutput:
    """What is made of standard output."""

    async def test_text_is_the_output_without_its_last_newline(self, dispatcher: CommandDispatcher) -> None:
        """Only one newline is taken away, and only at the end."""
        assert await run(dispatcher, python(r"print('\na\n')")) == "\na\n"
        assert await run(dispatcher, python(r"print('a', end='')")) == "a"
        assert await run(dispatcher, python("pass")) == ""

    async def test_text_may_be_in_any_language(self, dispatcher: CommandDispatcher) -> None:
        """Output is UTF-8; what is no UTF-8 is replaced, not refused."""
        assert await run(dispatcher, command("printf", "%s", "Größe 尺寸 🛫")) == "Größe 尺寸 🛫"
        assert await run(dispatcher, command("printf", r"a\377b")) == "a\ufffdb"

    async def test_json_is_parsed(self, dispatcher: CommandDispatcher) -> None:
        """With ``output="json"`` the value is the output."""
        assert await run(dispatcher, python("print('{\"a\": [1, 2.5, null]}')", output="json")) == {"a": [1, 2.5, None]}

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("{\n 1}", "line 2"),
            ("", "is empty"),
            ("NaN", "NaN"),
            ('{"a": 1, "a": 2}', "stands twice"),
            ('"\\ud800"', "surrogate"),
            ("[" * 5000, "nested deeper"),
            ("\udcff", "UTF-8"),
        ],
        ids=["syntax", "empty", "NaN", "duplicate key", "surrogate", "depth", "encoding"],
    )
    async def test_json_that_is_none_is_refused(self, dispatcher: CommandDispatcher, text: str, where: str) -> None:
        """What is not strictly JSON cannot be stored; the error says where it is wrong."""
        with pytest.raises(OutputNotStorable, match=where):
            await run(dispatcher, command("printf", "%s", text, output="json"))

    async def test_no_output_is_none(self, dispatcher: CommandDispatcher) -> None:
        """With ``output="none"`` whatever is written is thrown away."""
        assert await run(dispatcher, python("print('x' * 1000000)", output="none")) is None

    async def test_more_text_than_the_limit_is_cut_and_marked(self, containment: Containment, tmp_path: Path) -> None:
        """The first bytes are kept, no character is cut in two, and a line says what is missing."""
        dispatcher = CommandDispatcher(directory=tmp_path, output_limit=6, containment=containment)

        assert await run(dispatcher, command("printf", "12345é789")) == ("12345\n[truncated: 6 of 10 bytes kept]")
        assert await run(dispatcher, command("printf", "123456")) == "123456"

    async def test_json_that_was_cut_is_refused(self, containment: Containment, tmp_path: Path) -> None:
        """A part of a JSON text is no value."""
        dispatcher = CommandDispatcher(directory=tmp_path, output_limit=2, containment=containment)

        with pytest.raises(OutputNotStorable, match="only 2 are kept"):
            await run(dispatcher, command("printf", "1234", output="json"))

    async def test_a_flood_on_both_streams_blocks_nobody(self, dispatcher: CommandDispatcher) -> None:
        """64 MB on each stream are read to the end, and 1 MiB is kept."""
        code = "import os\nfor _ in range(1024): os.write(1, b'o' * 65536); os.write(2, b'e' * 65536)"
        output = await run(dispatcher, python(code))

        assert isinstance(output, str)
        assert output.startswith("o" * 1024 * 1024 + "\n[truncated: 1048576 of 67108864")

    async def test_standard_input_is_empty(self, dispatcher: CommandDispatcher) -> None:
        """A command that reads its input comes to the end of it at once."""
        assert await run(dispatcher, python("import sys; print(repr(sys.stdin.read()))")) == "''"


class TestFailure:
    """How a command fails."""

    async def test_the_status_and_the_end_of_standard_error_are_told(self, dispatcher: CommandDispatcher) -> None:
        """The error carries the status and at most the last 2 kB of standard error."""
        error = await failure(dispatcher, python("import sys; sys.exit('é' * 3000 + 'the end')"))

        assert error.status == 1
        assert error.stderr.endswith("éthe end")
        assert "\ufffd" not in error.stderr
        assert 2000 < len(error.stderr.encode()) <= 2048
        assert str(error).startswith("step 'step' exited with status 1; it said: é")

    @pytest.mark.parametrize("status", [1, 2, 127, 128, 255])
    async def test_every_status_is_passed_on(self, dispatcher: CommandDispatcher, status: int) -> None:
        """Statuses of shells and supervisors mean nothing special."""
        error = await failure(dispatcher, command("sh", "-c", f"exit {status}"))

        assert (error.status, error.stderr) == (status, "")

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE])
    async def test_a_signal_is_named(self, dispatcher: CommandDispatcher, number: signal.Signals) -> None:
        """A command ended by a signal has its number, negative, as status."""
        error = await failure(dispatcher, command("sh", "-c", f"ulimit -c 0; kill -{number:d} $$"))

        assert error.status == -number
        assert str(error) == f"step 'step' was ended by signal {number.name}"

    async def test_a_signal_without_a_name_is_numbered(self, dispatcher: CommandDispatcher) -> None:
        """Real-time signals have no names."""
        error = await failure(dispatcher, python("import os; os.kill(os.getpid(), 40)"))

        assert str(error) == "step 'step' was ended by signal 40"

    async def test_default_signals_are_restored(self, dispatcher: CommandDispatcher) -> None:
        """Python ignores SIGPIPE and SIGXFSZ for itself; a command finds them as a shell would give them."""
        ignored = await run(dispatcher, command("sh", "-c", "grep SigIgn /proc/self/status"))

        assert isinstance(ignored, str)
        assert int(ignored.split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


class TestStart:
    """Finding and starting the program."""

    async def test_no_such_program(self, dispatcher: CommandDispatcher) -> None:
        """A program that is not on the PATH is a typed failure that names it, and has no status."""
        error = await failure(dispatcher, command("npm-of-taskorch", "install"))

        assert str(error) == "step 'step' cannot start 'npm-of-taskorch': no such program on PATH"
        assert error.status is None

    async def test_the_path_is_that_of_the_child(self, dispatcher: CommandDispatcher, tmp_path: Path) -> None:
        """A PATH given by the step is the one searched; relative entries start where the child does."""
        tool = tmp_path / "bin" / "tool"
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\necho found\n")
        tool.chmod(0o755)

        assert await run(dispatcher, command("tool", environment={"PATH": str(tool.parent)})) == "found"
        assert await run(dispatcher, command("tool", environment={"PATH": "nowhere:bin"})) == "found"
        assert await run(dispatcher, command("bin/tool")) == "found"
        with pytest.raises(StepFailed, match="cannot start 'sh': no such program on PATH"):
            await run(dispatcher, command("sh", "-c", "true", environment={"PATH": str(tool.parent)}))

    async def test_a_file_that_is_no_program(self, dispatcher: CommandDispatcher, tmp_path: Path) -> None:
        """What exists but cannot be run says so, each in its own words."""
        (tmp_path / "data").write_text("data")
        (tmp_path / "empty").write_text("no program at all")
        (tmp_path / "empty").chmod(0o755)

        for name, text in [("./data", "no executable file"), ("./gone", "no such program"),
                           ("./empty", "Exec format error"), (".", "no such program"),
                           ("", "its command is empty"), ("a\0b", "cannot start")]:  # fmt: skip
            error = await failure(dispatcher, command(name))
            assert text in str(error)
            assert error.status is None

    async def test_python_is_the_running_interpreter(self, dispatcher: CommandDispatcher) -> None:
        """``python`` and ``python3`` need no PATH: they are the host's interpreter."""
        for name in ("python", "python3"):
            job = command(name, "-c", "import sys; print(sys.executable)", environment={"PATH": "/nowhere"})
            assert await run(dispatcher, job) == sys.executable

    async def test_there_is_no_shell(self, dispatcher: CommandDispatcher) -> None:
        """Arguments arrive as they are, whatever a shell would make of them."""
        words = ("; id", "$(id)", "`id`", "a\nb", "--option", "", "*", "'")
        code = "import json, sys; print(json.dumps(sys.argv[1:]))"

        assert await run(dispatcher, python(code, *words, output="json")) == list(words)

    async def test_a_word_that_no_program_can_be_given(self, dispatcher: CommandDispatcher) -> None:
        """NUL, half characters and names with ``=`` are refused without being shown."""
        for job in (
            command("true", "a\0secret"),
            command("true", "\ud800secret"),
            command("true", environment={"A": "\0secret"}),
            command("true", environment={"A=secret": ""}),
            command("true", environment={"": "secret"}),
        ):
            error = await failure(dispatcher, job)
            assert "no program can be given" in str(error)
            assert "secret" not in str(error)

    async def test_too_many_words(self, dispatcher: CommandDispatcher) -> None:
        """Arguments beyond the system's limit are a typed failure too."""
        error = await failure(dispatcher, command("true", "x" * 3_000_000))

        assert "Argument list too long" in str(error)

    async def test_a_large_environment_arrives(self, dispatcher: CommandDispatcher) -> None:
        """A hundred kilobytes of environment are no problem."""
        big = {f"BIG_{number}": "x" * 10_000 for number in range(15)}
        found = await run(dispatcher, python(SHOW, environment=big, output="json"))

        assert isinstance(found, dict)
        assert big.items() <= found.items()

    async def test_a_python_body_is_refused(self, dispatcher: CommandDispatcher) -> None:
        """Python bodies belong in other dispatchers."""
        assert "it is Python" in str(await failure(dispatcher, body(lambda: None)))

    def test_settings_are_checked(self) -> None:
        """A setting that makes no sense is refused when the dispatcher is made."""
        for wrong in ({"grace": -1}, {"grace": float("nan")}, {"output_limit": -1}, {"containment": "none"}):
            with pytest.raises(ValueError, match="must be"):
                CommandDispatcher(**wrong)  # type: ignore[arg-type]


class TestEnvironment:
    """What a command finds in its environment."""

    async def test_only_what_is_allowed_comes_from_the_host(
        self, containment: Containment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The environment of the host is not given away; the step's own variables and ours are added."""
        monkeypatch.setenv("TASKORCH_TEST_CANARY", "canary")
        monkeypatch.setenv("LD_PRELOAD_TEST", "canary")
        monkeypatch.setenv("LC_TASKORCH", "C")
        monkeypatch.setenv("TZ", "Europe/Paris")
        found = await run(
            CommandDispatcher(containment=containment),
            python(SHOW, environment={"MINE": "1", "TZ": "UTC"}, output="json"),
        )

        assert isinstance(found, dict)
        assert "canary" not in found.values()
        assert found["LC_TASKORCH"] == "C"
        assert found["PATH"] == os.environ["PATH"]
        assert (found["MINE"], found["TZ"]) == ("1", "UTC")
        assert {name: value for name, value in found.items() if name.startswith("TASKORCH")} == {
            "TASKORCH_RUN_ID": "run",
            "TASKORCH_STEP_ID": "step",
            "TASKORCH_ATTEMPT": "2",
            "TASKORCH_IDEMPOTENCY_KEY": "run/step",
        }

    async def test_the_supervisor_has_none_of_it_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command cannot read what the host keeps from it in the environment of its parent."""
        monkeypatch.setenv("TASKORCH_TEST_CANARY", "canary")
        code = "import os; print(open(f'/proc/{os.getppid()}/environ').read())"

        output = await run(CommandDispatcher(), python(code, environment={"GIVEN": "given"}))

        assert isinstance(output, str)
        assert "canary" not in output
        assert "given" not in output

    async def test_the_host_says_what_is_allowed(
        self, containment: Containment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``allow`` takes names and patterns, in place of the default."""
        for name in ("APP_A", "APP_B", "OTHER"):
            monkeypatch.setenv(name, "x")
        dispatcher = CommandDispatcher(allow=["APP_*", "OTHER"], containment=containment)

        found = await run(dispatcher, python(SHOW, output="json"))

        assert isinstance(found, dict)
        assert {"APP_A", "APP_B", "OTHER"} <= set(found)
        assert not {"PATH", "HOME"} & set(found)

    async def test_secrets_are_in_no_error(self, dispatcher: CommandDispatcher, tmp_path: Path) -> None:
        """Whatever goes wrong, no error or traceback holds an argument or a value of the environment."""
        (tmp_path / "data").write_text("data")
        secret = "s3cr3t-of-nobody"
        given = {"environment": {"TOKEN": secret}}
        jobs = [
            command("no-such-program", secret, **given),
            command("./data", secret, **given),
            command("sh", "-c", "exit 3", secret, **given),
            command("true", "\0", secret, **given),
            command("true", secret, directory="..", **given),
            command("echo", "{", output="json", **given),
        ]
        for job in jobs:
            with pytest.raises(StepError) as caught:
                await run(dispatcher, job)
            shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
            assert secret not in shown

    async def test_a_run_has_a_work_directory_of_its_own(self, containment: Containment, tmp_path: Path) -> None:
        """With ``work_root`` there is one per run, for this user only, whatever the id of the run is."""
        dispatcher = CommandDispatcher(work_root=tmp_path / "work", containment=containment)
        code = "import os; print(os.environ['TASKORCH_WORK_DIR'])"
        first = await run(dispatcher, python(code, run_id="../../escape"))
        again = await run(dispatcher, python(code, run_id="../../escape"))
        other = await run(dispatcher, python(code, run_id="x" * 300))

        assert isinstance(first, str)
        assert first == again != other
        assert Path(first).parent == tmp_path / "work"
        assert stat.S_IMODE(Path(first).stat().st_mode) == 0o700  # noqa: ASYNC240  # nothing else runs

    async def test_a_work_directory_that_is_a_link_is_refused(self, tmp_path: Path) -> None:
        """Somebody who can guess the name cannot lead a run elsewhere."""
        dispatcher = CommandDispatcher(work_root=tmp_path / "work")
        await run(dispatcher, command("true"))
        for made in (tmp_path / "work").iterdir():  # nothing else runs
            made.rmdir()
            made.symlink_to(tmp_path)

        assert "belongs to somebody else" in str(await failure(dispatcher, command("true")))

    async def test_a_work_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        """It is a typed failure if there is no place for work directories."""
        (tmp_path / "file").touch()
        dispatcher = CommandDispatcher(work_root=tmp_path / "file")

        assert "no work directory" in str(await failure(dispatcher, command("true")))


class TestDirectory:
    """Where a command runs."""

    async def test_directories_are_relative_to_that_of_the_dispatcher(
        self, dispatcher: CommandDispatcher, tmp_path: Path
    ) -> None:
        """Without one, the dispatcher's own is used; an absolute one may be given if it is inside."""
        (tmp_path / "sub").mkdir()

        assert await run(dispatcher, command("pwd")) == str(tmp_path)
        assert await run(dispatcher, command("pwd", directory="sub")) == str(tmp_path / "sub")
        assert await run(dispatcher, command("pwd", directory=str(tmp_path / "sub"))) == str(tmp_path / "sub")
        assert await run(dispatcher, command("pwd", directory="sub/..")) == str(tmp_path)

    async def test_nobody_leaves_the_root(self, dispatcher: CommandDispatcher, tmp_path: Path) -> None:
        """Neither dots nor an absolute path nor a link lead out of the root."""
        (tmp_path / "link").symlink_to("/usr")
        (tmp_path / "circle").symlink_to("circle")
        (tmp_path / "file").touch()

        for directory, text in [("..", "outside the root"), ("/", "outside the root"),
                                ("link", "outside the root"), ("link/bin", "outside the root"),
                                ("gone", "no directory"), ("file", "no directory"),
                                ("circle", "working directory"), ("a\0", "cannot be reached")]:  # fmt: skip
            error = await failure(dispatcher, command("pwd", directory=directory))
            assert text in str(error)
            assert error.status is None

    async def test_the_root_may_be_wider(self, tmp_path: Path, containment: Containment) -> None:
        """A host may allow more than the folder of the document."""
        (tmp_path / "flow").mkdir()
        (tmp_path / "data").mkdir()
        dispatcher = CommandDispatcher(root=tmp_path, directory=tmp_path / "flow", containment=containment)

        assert await run(dispatcher, command("pwd", directory="../data")) == str(tmp_path / "data")


async def test_nothing_stays_open(dispatcher: CommandDispatcher) -> None:
    """Good or bad, a command leaves neither a pipe nor a zombie behind."""
    await run(dispatcher, command("true"))
    before = descriptors()
    await run(dispatcher, command("true"))
    for job in [command("false"), command("no-such-program"), command("true", "\0")]:
        await failure(dispatcher, job)

    assert descriptors() == before
    assert zombies() == []


async def test_many_commands_at_once(dispatcher: CommandDispatcher) -> None:
    """Commands do not mix up what they write."""
    results: dict[int, object] = {}

    async def one(number: int) -> None:
        results[number] = await run(dispatcher, command("echo", f"{number}"))

    async with anyio.create_task_group() as jobs:
        for number in range(30):
            jobs.start_soon(one, number)

    assert results == {number: f"{number}" for number in range(30)}

"""Every way in which a tool can fail, with shims in place of tools."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from gatec.errors import ToolError
from gatec.tools.abc import run_abc
from gatec.tools.runner import Tool, ToolFailed, ToolStopped, ToolTimeout
from gatec.tools.yosys import run_yosys


def shim(code: str, **settings: object) -> Tool:
    return Tool("shim", (sys.executable, "-c", code), **settings)  # type: ignore[arg-type]


def test_inputs_go_in_and_outputs_come_back() -> None:
    tool = shim("import sys; open('b','w').write(open('a').read() + sys.argv[1]); print('hi')")
    run = tool.run(["!"], inputs={"a": "text"}, outputs=["b"])
    assert run.files["b"] == b"text!"
    assert run.log == "hi\n"


def test_each_run_has_a_fresh_folder() -> None:
    tool = shim("import os; assert os.listdir('.') == ['.tmp']; open('left', 'w').write('x')")
    tool.run([])
    tool.run([])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; print('broken'); sys.exit(3)", "shim: exit code 3: broken"),
        ("import os; os.kill(os.getpid(), 11)", "shim: exit code -11: no output"),
        ("pass", "shim: wrote no out"),
        ("open('out', 'w')", "shim: wrote no out"),
        ("print('ERROR: no'); open('out', 'w').write('x')", "shim: exit code 0: ERROR: no"),
    ],
)
def test_failures_are_one_line(code: str, message: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        shim(code, failure_markers=("ERROR:",)).run([], outputs=["out"])
    assert str(caught.value) == message
    assert caught.value.exit_code == 6


def test_a_hanging_tool_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(2); open({str(mark)!r}, 'w').write('x')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    start = time.monotonic()
    with pytest.raises(ToolTimeout, match="not done after 0.5 s"):
        shim(code).run([], timeout=0.5)
    assert time.monotonic() - start < 2
    time.sleep(2)
    assert not mark.exists()


def test_a_missing_tool_says_how_to_get_it() -> None:
    tool = Tool("nothing", ("gatec-no-such-tool",), install="apt-get install nothing")
    with pytest.raises(ToolError) as caught:
        tool.run([])
    assert str(caught.value) == "nothing: not found; expected apt-get install nothing"


def test_abc_errors_are_seen_although_it_exits_with_0() -> None:
    for commands in (["no_such_command"], ["read_blif missing.blif"], ["strash"]):
        with pytest.raises(ToolError):
            run_abc(commands, inputs={})


def test_yosys_errors_are_seen() -> None:
    with pytest.raises(ToolError, match="no_such_command"):
        run_yosys(["no_such_command"], inputs={})


def test_a_tool_stops_when_another_thread_says_so() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    with pytest.raises(ToolStopped):
        shim("import time; time.sleep(60)").run([], stop=stop)
    assert time.monotonic() - start < 20


def test_a_tool_that_may_be_stopped_has_its_time() -> None:
    stop = threading.Event()
    assert shim("print(1)").run([], stop=stop).log == "1\n"
    with pytest.raises(ToolTimeout, match="not done after 0.3 s"):
        shim("import time; time.sleep(60)").run([], timeout=0.3, stop=stop)

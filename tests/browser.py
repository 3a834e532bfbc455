"""What a browser test does: opens a notebook in JupyterLab, acts on the page, asks the kernel."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from browser_server import KERNEL, LabServer

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page

# The open notebook, whether or not it has the focus.
PANEL = "const panel = [...jupyterapp.shell.widgets('main')].find((w) => w.context?.path.endsWith('.ipynb'));"

IS_THERE = f"() => {{ if (!window.jupyterapp) return false; {PANEL} return panel !== undefined; }}"

READY = f"""async () => {{
  await jupyterapp.restored;
  {PANEL}
  await panel.revealed;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return true;
}}"""

# Not awaited: a page must stay free to be acted on while its cells run.
RUN_ALL = """() => {
  window.ran = false;
  jupyterapp.commands.execute('notebook:run-all-cells').finally(() => (window.ran = true));
}"""

FAILURES = f"""() => {{
  {PANEL}
  const outputs = panel.content.model.sharedModel.cells.flatMap((cell) => cell.toJSON().outputs ?? []);
  return outputs.filter((o) => o.output_type === 'error').map((o) => o.traceback.join('\\n'));
}}"""

EXECUTE = f"""async ([code, milliseconds]) => {{
  {PANEL}
  const future = panel.sessionContext.session.kernel.requestExecute({{ code, store_history: false }});
  const result = {{ text: '', error: null }};
  future.onIOPub = ({{ header, content }}) => {{
    if (header.msg_type === 'stream' && content.name === 'stdout') result.text += content.text;
    if (header.msg_type === 'execute_result') result.text += content.data['text/plain'];
    if (header.msg_type === 'error') result.error = content.traceback.join('\\n');
  }};
  const late = new Promise((resolve) => setTimeout(resolve, milliseconds, 'late'));
  if ((await Promise.race([future.done, late])) === 'late') {{
    future.dispose();
    result.error = `the kernel did not answer in ${{milliseconds}} ms`;
  }}
  return result;
}}"""


class Lab:
    """A page of JupyterLab and the notebook that is open in it.

    Attributes:
        page: Playwright's page.
        server: the server behind it; `server.root` is the folder in which notebooks run.
        foreign: addresses off the server that the page asked for.
        errors: what the page logged as an error, and the exceptions that nobody caught.
    """

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.server = server
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._watch(request.url))
        page.on("websocket", lambda socket: self._watch(socket.url.replace("ws", "http", 1)))
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(f"{error.name}: {error.message}\n{error.stack}"))

    def open_notebook(self, cells: list[str], *, wait: bool = True, check: bool = True, timeout: float = 90) -> None:
        """Writes a notebook of these code cells, opens it alone in the window and runs all of it.

        Args:
            cells: source of the code cells.
            wait: for the cells to end; without it, for nothing but the notebook to be open.
            check: fail where a cell raised.
            timeout: seconds for opening and for running each.
        """
        name = f"{uuid4().hex[:12]}.ipynb"
        blank: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": KERNEL, "display_name": KERNEL, "language": "python"}},
            "cells": [{**blank, "id": f"cell-{i}", "source": cell} for i, cell in enumerate(cells)],
        }
        (self.server.root / name).write_text(json.dumps(notebook), encoding="utf-8")
        self.page.goto(f"{self.server.url}doc/tree/{name}?token={self.server.token}")
        self.wait_for_notebook(timeout=timeout)
        self.run_all(wait=wait, check=check, timeout=timeout)

    def open_lab(self, query: str = "", *, workspace: str | None = None, timeout: float = 90) -> None:
        """Opens JupyterLab itself, without a notebook, in a workspace of its own unless one is named.

        Args:
            query: What follows the `?` of the address, already encoded.
            workspace: Whose layout is restored.
            timeout: Seconds for opening.
        """
        workspace = workspace or uuid4().hex[:12]
        self.page.goto(f"{self.server.url}lab/workspaces/{workspace}?token={self.server.token}&{query}")
        self.wait_for_lab(timeout=timeout)

    def wait_for_notebook(self, *, timeout: float = 90) -> None:
        """Waits until the notebook and its kernel can be used."""
        self.page.wait_for_function(IS_THERE, timeout=timeout * 1000)
        self.page.wait_for_function(READY, timeout=timeout * 1000)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=timeout * 1000)

    def reload(self, *, timeout: float = 90) -> None:
        """Loads the page again, as a person does."""
        self.page.reload()
        self.wait_for_lab(timeout=timeout)

    def wait_for_lab(self, *, timeout: float = 90) -> None:
        """Waits until JupyterLab has restored its layout."""
        self.page.wait_for_function("() => window.jupyterapp !== undefined", timeout=timeout * 1000)
        self.page.evaluate("() => jupyterapp.restored.then(() => true)")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=timeout * 1000)

    def command(self, name: str, **arguments: Any) -> None:
        """Begins a command of JupyterLab; what it does is to be waited for."""
        self.page.evaluate("([name, args]) => void jupyterapp.commands.execute(name, args)", [name, arguments])

    def run_all(self, *, wait: bool = True, check: bool = True, timeout: float = 90) -> None:
        """Runs all cells; the arguments are those of `open_notebook`."""
        self.page.evaluate(RUN_ALL)
        if wait:
            self.page.wait_for_function("() => window.ran", timeout=timeout * 1000)
            failures = self.page.evaluate(FAILURES)
            assert not (check and failures), "\n".join(failures)

    def run(self, code: str, *, timeout: float = 30) -> str:
        """What `code` prints in the notebook's kernel, then its last expression as text."""
        result = self.page.evaluate(EXECUTE, [code, timeout * 1000])
        assert result["error"] is None, f"{code}\n{result['error']}"
        return str(result["text"]).strip()

    def value(self, expression: str, *, timeout: float = 30) -> Any:
        """The value that a Python expression has in the kernel, sent as JSON; arrays come as lists."""
        dump = f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        return json.loads(self.run(f"print({dump})", timeout=timeout))

    def eventually(self, expression: str, expected: object, *, timeout: float = 20) -> None:
        """Waits until the expression has this value in the kernel: events of the page arrive when they may."""
        end = time.monotonic() + timeout
        while (value := self.value(expression, timeout=timeout)) != expected:
            assert time.monotonic() < end, f"{expression} is {value!r} after {timeout} s, not {expected!r}"
            self.page.wait_for_timeout(50)

    def theme(self, name: str) -> None:
        """Changes JupyterLab's theme: "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate("(theme) => void jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        self.page.wait_for_function("(name) => document.body.dataset.jpThemeName === name", arg=name)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def restart_kernel(self) -> None:
        """Restarts the notebook's kernel: what it held is lost."""
        self.page.evaluate(f"() => {{ {PANEL} window.restarted = panel.sessionContext.restartKernel(); }}")
        self.page.wait_for_function("() => window.restarted.then(() => true)")
        self.page.wait_for_function(READY)

    def screenshot(self, locator: Locator, path: Path) -> None:
        """Writes a PNG of one part of the page, animations at their end."""
        path.parent.mkdir(parents=True, exist_ok=True)
        locator.screenshot(path=path, animations="disabled")

    def check(self) -> None:
        """Fails where the page asked for anything off the server, or where it logged an error."""
        assert not self.foreign, f"left the machine: {self.foreign}"
        assert not self.errors, "\n".join(self.errors)

    def _watch(self, url: str) -> None:
        if not url.startswith((self.server.url, "data:", f"blob:{self.server.url}")):
            self.foreign.append(url)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location})")

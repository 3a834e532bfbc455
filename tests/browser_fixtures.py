"""`lab`: a page of a real JupyterLab in a real Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import NoReturn

import pytest
from browser import Lab
from browser_server import LabServer, lab_server
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
]


def no_browser(reason: str) -> NoReturn:
    """Skips, except in CI, where a browser that is missing would hide what the tests are there for."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that NAIT_BROWSER names, else the system's Chromium, else Playwright's own.

    One for each file of tests, not for the session: while Playwright runs, no other test could use asyncio.
    """
    path = os.environ.get("NAIT_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            no_browser(f"no Chromium to test in ({path or 'none on PATH'}): {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab for all tests."""
    with lab_server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser profile for a file of tests: JupyterLab's own files are read once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    yield context
    context.close()


@pytest.fixture
def lab(context: BrowserContext, server: LabServer) -> Iterator[Lab]:
    """A fresh page; after the test nothing may have left the machine and no error may have been logged."""
    lab = Lab(context.new_page(), server)
    yield lab
    lab.page.close()
    server.forget()
    lab.check()

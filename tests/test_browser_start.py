"""JupyterLab with the extension in it: its plugins start, and little is fetched for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser_server import CHECKOUT

if TYPE_CHECKING:
    from browser import Lab

BUILT = CHECKOUT / "nait_widgets" / "labextension" / "static"
MOST_BYTES = 64 * 1024  # as in js/size.mjs, which sees what is imported, not what a plugin asks for as it starts

PLUGINS = """() => {
  const ours = jupyterapp.listPlugins().filter((id) => id.startsWith('nait-widgets:'));
  return Object.fromEntries(ours.map((id) => [id, jupyterapp.isPluginActivated(id)]));
}"""


def test_the_plugins_start_and_fetch_little(lab: Lab) -> None:
    fetched: set[str] = set()
    lab.page.on("request", lambda request: fetched.add(request.url.split("?")[0]))
    lab.open_notebook([])
    plugins = lab.page.evaluate(PLUGINS)
    assert plugins
    assert all(plugins.values()), plugins

    ours = {url.rsplit("/", 1)[1] for url in fetched if "/extensions/nait-widgets/" in url}
    assert any(name.startswith("remoteEntry.") for name in ours)
    assert sum((BUILT / name).stat().st_size for name in ours) <= MOST_BYTES

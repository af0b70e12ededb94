"""How our components come and go: Streamlit may take down an old call after a newer one has begun."""

from __future__ import annotations

from playwright.sync_api import Page

from cnnviz.ui.components import ROUTE

LIVES = """async (route) => {
  const { mounted } = await import(`${route}/mount.js`);
  const log = [];
  const viewIn = mounted((parent) => (log.push(`made ${parent.id}`), { close: () => log.push(`closed ${parent.id}`) }));
  const [one, other] = ["one", "other"].map((id) => Object.assign(document.createElement("div"), { id }));
  const [first, leaveFirst] = viewIn(one);
  const [second, leaveSecond] = viewIn(one);
  log.push(first === second);
  leaveFirst();
  log.push("the older has left");
  viewIn(other);
  leaveSecond();
  leaveSecond();
  log.push(viewIn(one)[0] === first);
  return log;
}"""


def test_only_the_newest_call_takes_a_view_down(server: str, shared_page: Page) -> None:
    shared_page.goto(f"{server}/_stcore/health")
    assert shared_page.evaluate(LIVES, ROUTE)[:6] == [
        "made one", True, "the older has left", "made other", "closed one", "made one",
    ]  # fmt: skip

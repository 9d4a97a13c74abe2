"""The pages as people see them: in a real browser, on a telephone and on a screen, by day and by night."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from browser.conftest import Shown
from playwright.sync_api import Browser, Page, ViewportSize

TELEPHONE: ViewportSize = {"width": 360, "height": 740}
SCREEN: ViewportSize = {"width": 1280, "height": 800}
Scheme = Literal["light", "dark"]
READABLE = 4.5
"""WCAG 2.2, success criterion 1.4.3: the contrast of text, level AA."""

WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""  # noqa: E501 # a statement of another language

CONTRASTS = """
() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const texts = [...document.body.querySelectorAll("*")].filter(e =>
    !e.closest("svg") && [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim()));
  return texts.map(e => {
    const below = ground(e);
    const [a, b] = [light(over(parse(getComputedStyle(e).color), below)), light(below)].sort((x, y) => y - x);
    return {text: e.textContent.trim().slice(0, 40), css: e.className, ratio: (a + 0.05) / (b + 0.05)};
  });
}
"""
TOO_WIDE = """
() => [...document.querySelectorAll("body *")]
  .filter(e => !e.closest("svg") || e.tagName === "svg")
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => `${e.tagName} ${e.className}: ${e.textContent.trim().slice(0, 60)}`)
"""
FOCUSED = """
() => {
  const e = document.activeElement, css = getComputedStyle(e), box = e.getBoundingClientRect();
  return {
    href: e.getAttribute("href"),
    outlined: css.outlineStyle !== "none" && parseFloat(css.outlineWidth) > 0,
    seen: box.bottom > 0 && box.top < innerHeight,
  };
}
"""


@dataclass(slots=True)
class Look:
    """A page in a browser, and what went wrong with it."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        self.page.add_init_script(WATCH_POLICY)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", lambda request: self.said.append(f"failed: {request.url}"))
        answer = self.page.goto(url, wait_until="load")
        assert answer is not None
        assert answer.status == 200


@contextmanager
def looking(chromium: Browser, url: str, size: ViewportSize = TELEPHONE, scheme: Scheme = "light") -> Iterator[Look]:
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    try:
        look = Look(context.new_page())
        look.open(url)
        yield look
    finally:
        context.close()


@pytest.fixture(params=["demo", "everything"])
def shown(request: pytest.FixtureRequest) -> Shown:
    found: Shown = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["status", "incident"])
def url(request: pytest.FixtureRequest, shown: Shown) -> str:
    return f"{shown.url}/status" if request.param == "status" else f"{shown.url}/incidents/{shown.incident}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [TELEPHONE, SCREEN], ids=["telephone", "screen"])
def test_a_page_fits_is_readable_and_asks_nobody_else(
    chromium: Browser, pictures: Path, shown: Shown, url: str, size: ViewportSize, scheme: Scheme
) -> None:
    with looking(chromium, url, size, scheme) as look:
        name = f"{shown.name}-{'status' if url.endswith('status') else 'incident'}-{size['width']}-{scheme}.png"
        look.page.screenshot(path=pictures / name, full_page=True)
        assert look.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert look.page.evaluate(TOO_WIDE) == []
        found: list[dict[str, Any]] = look.page.evaluate(CONTRASTS)
        assert len(found) > 10
        assert [text for text in found if text["ratio"] < READABLE] == []
        assert look.page.evaluate("violations") == []
        assert look.said == []
        assert [asked for asked in look.asked if not asked.startswith(f"{shown.url}/")] == []


BROKEN_LABELS = """
() => [...document.querySelectorAll("th")].filter(th => {
  const range = document.createRange();
  range.selectNodeContents(th);
  const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
  return lines.size > th.textContent.trim().split(/\\s+/).length;
}).map(th => th.textContent)
"""


@pytest.mark.parametrize("size", [TELEPHONE, SCREEN], ids=["telephone", "screen"])
def test_the_labels_of_a_table_are_not_broken_within_a_word(chromium: Browser, url: str, size: ViewportSize) -> None:
    with looking(chromium, url, size) as look:
        assert look.page.locator("th").count() > 3
        assert look.page.evaluate(BROKEN_LABELS) == []


def test_a_page_looks_different_by_night(chromium: Browser, demo: Shown) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        with looking(chromium, f"{demo.url}/status", scheme=scheme) as look:
            grounds.append(look.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(grounds)) == 2


def test_the_title_tells_of_open_incidents(chromium: Browser, demo: Shown, everything: Shown) -> None:
    with looking(chromium, f"{demo.url}/status") as look:
        assert look.page.title() == "1 open · devops-daemon"
        assert look.page.locator("h1").inner_text() == "1 open incident"
    with looking(chromium, f"{everything.url}/status") as look:
        assert look.page.title() == "4 open · devops-daemon"
        assert look.page.locator("h1").inner_text() == "4 open incidents"
    with looking(chromium, f"{demo.url}/incidents/{demo.incident}") as look:
        assert demo.incident in look.page.title()


def test_the_keyboard_reaches_every_link_and_shows_where_it_is(chromium: Browser, url: str) -> None:
    with looking(chromium, url) as look:
        reachable = "a[href], summary"  # what is folded away is unfolded by its summary
        links = look.page.eval_on_selector_all(reachable, "links => links.map(link => link.getAttribute('href'))")
        assert links
        reached = []
        for _ in links:
            look.page.keyboard.press("Tab")
            reached.append(look.page.evaluate(FOCUSED))
    assert [place["href"] for place in reached] == links
    assert all(place["outlined"] and place["seen"] for place in reached)


def test_links_lead_to_the_incident_and_back(chromium: Browser, demo: Shown) -> None:
    with looking(chromium, f"{demo.url}/status") as look:
        look.page.locator(f"a[href='/incidents/{demo.incident}']").first.focus()
        look.page.keyboard.press("Enter")
        look.page.wait_for_url(f"**/incidents/{demo.incident}")
        assert "opened" in look.page.locator("ol").last.inner_text()
        look.page.get_by_role("link", name="Status").click()
        look.page.wait_for_url("**/status")
        assert look.said == []


@pytest.mark.parametrize("size", [TELEPHONE, SCREEN], ids=["telephone", "screen"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_audit_fits_and_is_readable(
    chromium: Browser, everything: Shown, size: ViewportSize, scheme: Scheme
) -> None:
    with looking(chromium, f"{everything.url}/audit", size, scheme) as look:
        assert look.page.evaluate(TOO_WIDE) == []
        contrasts = look.page.evaluate(CONTRASTS)
        assert len(contrasts) > 10
        assert [each for each in contrasts if each["ratio"] < READABLE] == []
        assert look.said == []
        look.page.get_by_role("link", name="Status").click()
        look.page.wait_for_url("**/status")
        look.page.get_by_role("link", name="Audit").click()
        look.page.wait_for_url("**/audit")


def test_words_of_strangers_are_shown_and_do_nothing(chromium: Browser, everything: Shown) -> None:
    for path in ("/status", "/audit", f"/incidents/{everything.incident}"):
        with looking(chromium, everything.url + path) as look:
            assert "<script>alert(1)</script>" in look.page.locator("body").inner_text()
            assert look.page.locator("script").count() == 0
            assert look.said == []


def test_a_script_that_got_onto_a_page_would_not_run(chromium: Browser, demo: Shown) -> None:
    """The policy is the second wall: it holds also where escaping was forgotten."""
    with looking(chromium, f"{demo.url}/status") as look:
        look.page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script);
              const image = document.createElement("img");
              image.src = "https://elsewhere.example/x.png";
              document.body.append(image);
            }"""
        )
        look.page.wait_for_function("violations.length === 2")
        assert look.page.evaluate("window.ran") is None
        assert look.page.evaluate("violations.sort()") == [
            "img-src https://elsewhere.example/x.png",
            "script-src-elem inline",
        ]


def test_the_page_says_the_same_without_scripts(chromium: Browser, demo: Shown) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=TELEPHONE)
    page = context.new_page()
    page.goto(f"{demo.url}/status")
    text = page.locator("body").inner_text()
    context.close()
    assert "1 open incident" in text
    assert "wrong status: 500, expected 200" in text


def test_each_chart_and_status_is_told_in_words_too(chromium: Browser, everything: Shown) -> None:
    with looking(chromium, f"{everything.url}/status") as look:
        charts = look.page.get_by_role("img")
        labels = [charts.nth(number).get_attribute("aria-label") for number in range(charts.count())]
        assert len(labels) >= 5
        assert all(labels)
        badges = look.page.locator(".badge").all_inner_texts()
    assert {"up", "degraded", "down", "unknown", "off", "open", "mitigating", "escalated", "resolved"} <= {
        badge.partition(",")[0].strip() for badge in badges
    }


def test_the_page_is_in_a_language_and_has_one_heading(chromium: Browser, url: str) -> None:
    with looking(chromium, url) as look:
        assert look.page.locator("html").get_attribute("lang") == "en"
        assert look.page.locator("h1").count() == 1
        assert look.page.locator("h1").inner_text()

"""report.html as a browser shows it: opened as a file, without network.

Chromium and its driver come from the system (Debian: `chromium`, `chromium-driver`); nothing is
downloaded. `HARNESS_CHROMIUM` and `HARNESS_CHROMEDRIVER` name others.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.reporting import render_html
from harness.tests.reporting import results
from harness.tests.reporting.loads import LOAD
from harness.tests.reporting.soaks import SOAK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver import Chrome

    from harness.model.result import RunResult

pytestmark = pytest.mark.browser

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WIDE, _NARROW = 1400, 390
_PAGES: dict[str, Callable[[], RunResult]] = {
    **results.ALL,
    "load": lambda: msgspec.structs.replace(results.passing(), load=LOAD),
    "soak": lambda: msgspec.structs.replace(results.passing(), soak=SOAK),
}


def _binary(variable: str, name: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} isn't installed (Debian: apt-get install chromium chromium-driver)")
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    binary = _binary("HARNESS_CHROMIUM", "chromium")
    driver = _binary("HARNESS_CHROMEDRIVER", "chromedriver")
    from selenium import webdriver  # noqa: PLC0415 - heavy, and not needed where it is skipped

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.set_page_load_timeout(60)
    chrome.set_script_timeout(60)
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URL of each result's page."""
    folder = tmp_path_factory.mktemp("pages")
    urls = {}
    for name, build in _PAGES.items():
        path = folder / f"{name}.html"
        path.write_text(render_html(build()), encoding="utf-8")
        urls[name] = path.as_uri()
    return urls


@pytest.fixture
def view(browser: Chrome, pages: dict[str, str]) -> Iterator[Callable[..., Chrome]]:
    def opened(name: str, *, width: int = _WIDE, scheme: str = "light") -> Chrome:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # type: ignore[no-untyped-call] # selenium leaves it untyped
        browser.get(pages[name])
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def _log(browser: Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call] # as above
    return entries


@pytest.mark.parametrize("name", _PAGES)
def test_the_console_stays_silent_and_nothing_else_is_requested(
    name: str, view: Callable[..., Chrome], pages: dict[str, str]
) -> None:
    browser = view(name)
    assert _log(browser, "browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in _log(browser, "performance")]
    requested = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert requested == {pages[name]}
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("name", _PAGES)
@pytest.mark.parametrize("width", [_WIDE, _NARROW])
def test_the_page_never_scrolls_sideways(
    name: str, width: int, view: Callable[..., Chrome]
) -> None:
    browser = view(name, width=width)
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["pass", "fail", "error"])
def test_verdict_and_tables_are_there_without_script(
    name: str, view: Callable[..., Chrome], browser: Chrome
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser = view(name)
    from selenium.webdriver.common.by import By  # noqa: PLC0415 - as above

    result = results.ALL[name]()
    heading = browser.find_element(By.TAG_NAME, "h1")
    assert heading.is_displayed()
    assert heading.text.lower().startswith(result.verdict)
    assert browser.find_element(By.CLASS_NAME, "sentence").text == result.sentence
    rows = browser.find_elements(By.CSS_SELECTOR, "#checks-table tbody tr")
    assert len([row for row in rows if row.is_displayed()]) == len(result.checks)
    assert browser.find_elements(By.TAG_NAME, "button") == []


@pytest.mark.parametrize("name", _PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [_WIDE, _NARROW])
def test_axe_finds_no_serious_fault(
    name: str, scheme: str, width: int, view: Callable[..., Chrome]
) -> None:
    import axe_selenium_python  # noqa: PLC0415 - only browser tests need it

    parts = ("node_modules", "axe-core", "axe.min.js")
    axe = Path(axe_selenium_python.__file__).parent.joinpath(*parts)
    browser = view(name, width=width, scheme=scheme)
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    browser.execute_script(axe.read_text(encoding="utf-8"))
    report = browser.execute_async_script(
        "const done = arguments[0]; axe.run(document).then(done, (e) => done(String(e)))"
    )
    assert report["passes"]
    faults = [
        (fault["id"], fault["impact"], [node["html"][:160] for node in fault["nodes"][:3]])
        for fault in report["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
    assert faults == []


def test_checks_can_be_filtered(view: Callable[..., Chrome]) -> None:
    browser = view("fail")
    shown = "return [...document.querySelectorAll('#checks-table tbody tr:not([hidden])')].length"
    assert browser.execute_script(shown) == len(results.CHECKS)
    browser.execute_script("document.querySelectorAll('.filter button')[2].click()")
    assert browser.execute_script(shown) == 3


def test_a_link_to_a_filtered_check_shows_it_again(view: Callable[..., Chrome]) -> None:
    browser = view("fail")
    browser.execute_script("document.querySelectorAll('.filter button')[2].click()")
    browser.execute_script("document.getElementById('check-1').hidden = true")
    browser.execute_async_script(
        "const done = arguments[0];"
        "addEventListener('hashchange', () => setTimeout(done)); location.hash = 'check-1'"
    )
    assert browser.execute_script("return document.getElementById('check-1').hidden") is False


def test_a_snippet_has_a_button_that_copies_it(view: Callable[..., Chrome]) -> None:
    browser = view("fail")
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    said = browser.execute_async_script(
        "const done = arguments[0]; const b = document.querySelector('.finding .copy');"
        "new MutationObserver(() => done(b.textContent)).observe(b, {childList: true}); b.click()"
    )
    assert said in {"Copied", "Selected"}


def test_the_page_prints_all_findings_without_navigation(view: Callable[..., Chrome]) -> None:
    browser = view("fail")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        hidden = browser.execute_script(
            "return ['.contents', '.copy', '.filter'].map("
            "(s) => getComputedStyle(document.querySelector(s)).display)"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == ["none", "none", "none"]


_INKED = """
const inked = (canvas) => {
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let at = 0; at < all.length; at += 4) {
    if (all[at + 3] > 200) colours.add(`${all[at]},${all[at + 1]},${all[at + 2]}`);
  }
  return colours.size;
};
return [...document.querySelectorAll(".plot")].map((place) => {
  const canvas = place.querySelector("canvas");
  return [place.dataset.plot || "strip", canvas ? inked(canvas) : 0];
});
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["load", "soak", "pass"])
def test_every_chart_is_drawn(name: str, scheme: str, view: Callable[..., Chrome]) -> None:
    drawn = dict(view(name, scheme=scheme).execute_script(_INKED))
    assert "strip" in drawn
    if name == "load":
        assert {"knee-plot", "knee-latency", "distribution", "growth-1", "each-1"} <= set(drawn)
    if name == "soak":
        assert {"plateau-1", "plateau-2", "plateau-3"} <= set(drawn)
    assert {id: colours for id, colours in drawn.items() if colours < 3} == {}


_DRAWN = """
const done = arguments[arguments.length - 1];
requestAnimationFrame(() => requestAnimationFrame(done));
"""


def _point(browser: Chrome, place: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415 - as above

    over = browser.find_element("css selector", f"{place} .u-over")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", over)
    browser.execute_async_script(_DRAWN)  # what scrolling causes comes with the next frame
    ActionChains(browser).move_to_element(over).perform()
    browser.execute_async_script(_DRAWN)


_TIPS = """
return [...document.querySelectorAll(".shared-axis .tip")].map((tip) => [
  tip.hidden, tip.querySelector("strong")?.textContent || "",
]);
"""


def test_charts_of_the_time_axis_share_their_cursor(view: Callable[..., Chrome]) -> None:
    browser = view("pass")
    assert {hidden for hidden, _ in browser.execute_script(_TIPS)} == {True}
    _point(browser, "#chart-1")
    tips = browser.execute_script(_TIPS)
    assert len(tips) == 2
    assert {hidden for hidden, _ in tips} == {False}
    ((_, said),) = {tuple(tip) for tip in tips}
    assert " s, webapp_v1_guestbook/restart" in said


def test_a_chart_is_read_by_keyboard_and_says_what_it_shows(view: Callable[..., Chrome]) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - as above

    browser = view("load")
    place = browser.find_element("css selector", "[data-plot=knee-plot]")
    place.send_keys(Keys.ARROW_RIGHT)
    place.send_keys(Keys.ARROW_RIGHT)
    said = "return document.querySelector('#knee-plot [aria-live]').textContent"
    assert browser.execute_script(said) == ("arrivals a second 80; sustained 80/s")
    place.send_keys(Keys.ESCAPE)
    assert browser.execute_script("return document.querySelector('#knee-plot .tip').hidden")


def test_a_stretch_chosen_in_one_chart_is_shown_by_all(view: Callable[..., Chrome]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415 - as above

    browser = view("pass")
    _point(browser, "#chart-1")
    before = browser.execute_script(_CANVASES)
    over = browser.find_element("css selector", "#chart-1 .u-over")
    ActionChains(browser).click_and_hold(over).move_by_offset(120, 0).release().perform()
    after = browser.execute_async_script(
        f"const done = arguments[0]; requestAnimationFrame(() => done((() => {{{_CANVASES}}})()))"
    )
    assert len(before) == 3
    assert [old == new for old, new in zip(before, after, strict=True)] == [False] * 3


_CANVASES = """
return [...document.querySelectorAll(".shared-axis canvas")].map((one) => one.toDataURL());
"""


def test_without_script_tables_remain_and_say_so(
    view: Callable[..., Chrome], browser: Chrome
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - as above

    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser = view("load")
    for section in ("#load", "#resources"):
        (note,) = browser.find_elements("css selector", f"{section} noscript .aside")
        assert note.text == "Charts need JavaScript; the tables hold the same figures."
    fold = browser.find_element("css selector", "#knee-plot details summary")
    fold.send_keys(Keys.ENTER)
    assert browser.find_element("css selector", "#knee-plot table").is_displayed()

"""The kernel grid on the Lab's page: what a person types, scrubs, pastes and turns is what is convolved with."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenLab
from tests.browser.lab_page import Lab, eventually

EDGE = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
SMALL = {"size": "40"}


def active(page: Page) -> list[int]:
    return page.evaluate("['row', 'col'].map((name) => Number(document.activeElement.dataset[name]))")


def status(lab: Lab) -> str:
    return lab.page.locator(".kg-status").inner_text()


def centre(lab: Lab, row: int = 1, column: int = 1) -> tuple[float, float]:
    box = lab.cell(row, column).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_it_says_of_itself(lab: Lab) -> None:
    lab.open(**SMALL)
    page = lab.page
    assert lab.kernel() == EDGE
    assert page.locator(".kernel-grid").get_attribute("data-kernel") == "edge"
    assert page.locator(".kg-grid").get_attribute("role") == "grid"
    assert page.locator(".kg-grid [role=row]").count() == 3
    assert page.locator(".kg-grid [role=row] > [role=gridcell]").count() == 9
    assert lab.cell(0, 1).get_attribute("aria-label") == "row 1, column 2: −1"
    expect(page.locator(".kg-sum")).to_have_text("Σ = 0")
    expect(page.locator(".kg-menu")).to_have_value("edge")


def test_typed_and_pasted_numbers_mean_what_they_say(lab: Lab) -> None:
    lab.open(**SMALL)
    typed_numbers_mean_what_they_say(lab)
    paste_from_a_spreadsheet(lab)


def typed_numbers_mean_what_they_say(lab: Lab) -> None:
    said = {".5": "0.5", "-1e-2": "-0.01", "1/9": "0.11111111", "0,5": "0.5", "−1": "-1", "+3": "3", "-.25": "-0.25"}
    for text, value in said.items():
        lab.write(1, 1, text)
        assert active(lab.page) == [2, 1], text
        eventually(lambda value=value: lab.kernel()[1][1] == float(value), lab.page)
        lab.wait_kernel(f"-1,-1,-1;-1,{value},-1;-1,-1,-1")
        expect(lab.page.locator(".kg-menu")).to_have_value("")


def paste_from_a_spreadsheet(lab: Lab) -> None:
    def paste(text: str) -> None:
        lab.cell(0, 0).click()
        lab.paste_text(text)

    paste("0,5\t1\r\n-2\t1/4\r\n")
    assert lab.kernel() == [[0.5, 1], [-2, 0.25]]
    assert "now 2×2" in status(lab)
    lab.wait_kernel("0.5,1;-2,0.25")
    paste("1,0,-1;2,0,-2;1,0,-1")
    assert lab.kernel() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    paste("1\t2\n3")
    assert "row 2 has 1" in status(lab)
    paste("\n".join(["1\t2"] * 12))
    assert "12×2" in status(lab)
    paste("1\tpear\n3\t4")
    assert "pear" in status(lab)
    paste("\n\n")
    assert "no numbers" in status(lab)
    assert lab.kernel() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]], "a bad paste changes nothing"
    lab.page.keyboard.press("Control+z")
    assert lab.kernel() == [[0.5, 1], [-2, 0.25]]


def test_text_that_is_no_number_and_typing_that_is_taken_back(lab: Lab) -> None:
    lab.open(**SMALL)
    escape_takes_typing_back(lab)
    bad_text_is_said_and_the_last_good_kernel_stays(lab)
    unfinished_text_is_not_called_wrong(lab)
    bad_text_that_was_left_keeps_its_own_weight(lab)


def escape_takes_typing_back(lab: Lab) -> None:
    lab.cell(1, 1).click()
    lab.page.keyboard.type("42")
    assert lab.kernel()[1][1] == 42
    lab.page.keyboard.press("Escape")
    assert lab.kernel() == EDGE
    lab.wait_kernel("edge")
    assert lab.page.get_by_role("button", name="Nothing to undo").count() == 1


def bad_text_is_said_and_the_last_good_kernel_stays(lab: Lab) -> None:
    page = lab.page
    before = lab.pixels()
    for text in ("abc", "1/0", "--", "1e9"):
        lab.cell(1, 1).click()
        page.keyboard.type(text)
        expect(lab.cell(1, 1)).to_have_attribute("aria-invalid", "true")
        assert text in status(lab)
        page.keyboard.press("Tab")
        assert active(page) == [1, 2]
        assert lab.cell(1, 1).get_attribute("aria-invalid") == "true" and lab.cell(1, 1).input_value() == text
        assert status(lab).startswith("Row 2, column 2:")
        assert lab.kernel() == EDGE
        lab.wait_kernel("edge")
        eventually(lambda: lab.pixels() == before, page)
        lab.cell(1, 1).click()
        page.keyboard.press("Escape")
        assert lab.cell(1, 1).get_attribute("aria-invalid") is None
        assert status(lab) == "" and lab.cell(1, 1).input_value() == "8"


def unfinished_text_is_not_called_wrong(lab: Lab) -> None:
    lab.cell(1, 1).click()
    lab.page.keyboard.type("-")
    assert lab.cell(1, 1).get_attribute("aria-invalid") is None and "unfinished" in status(lab)
    lab.page.keyboard.press("Enter")
    assert lab.cell(1, 1).get_attribute("aria-invalid") == "true" and active(lab.page) == [1, 1]
    lab.page.keyboard.type("-2")
    lab.page.keyboard.press("Enter")
    assert lab.kernel()[1][1] == -2 and status(lab) == ""


def bad_text_that_was_left_keeps_its_own_weight(lab: Lab) -> None:
    lab.cell(1, 1).click()
    lab.page.keyboard.type("1/0")
    lab.write(0, 0, "5")
    lab.cell(1, 1).click()
    lab.page.keyboard.press("Escape")
    assert lab.kernel() == [[5, -1, -1], [-1, -2, -1], [-1, -1, -1]]
    lab.cell(2, 2).click()
    lab.page.keyboard.press("Backspace")
    lab.page.keyboard.press("Tab")
    assert lab.kernel()[2][2] == -1 and lab.cell(2, 2).input_value() == "−1" and status(lab) == ""


def test_moving(lab: Lab) -> None:
    lab.open(**SMALL)
    page = lab.page
    lab.cell(0, 0).click()
    moves = [
        ("ArrowRight", [0, 1]), ("ArrowDown", [1, 1]), ("ArrowLeft", [1, 0]), ("ArrowUp", [0, 0]), ("ArrowUp", [0, 0]),
        ("End", [0, 2]), ("Tab", [1, 0]), ("Shift+Tab", [0, 2]), ("Control+End", [2, 2]), ("Control+Home", [0, 0]),
    ]  # fmt: skip
    for key, place in moves:
        page.keyboard.press(key)
        assert active(page) == place, key
    assert lab.kernel() == EDGE, "moving changes nothing"
    page.keyboard.type("7")
    page.keyboard.press("ArrowRight")
    assert active(page) == [0, 1] and lab.kernel()[0][0] == 7
    page.keyboard.press("F2")
    page.keyboard.type("5")
    page.keyboard.press("ArrowLeft")
    assert active(page) == [0, 1], "F2 gives the arrows to the caret"
    page.keyboard.press("Enter")
    assert lab.kernel()[0][1] == -15
    lab.cell(2, 2).click()
    page.keyboard.press("Delete")
    assert lab.kernel()[2][2] == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("3")
    page.keyboard.press("Tab")
    page.keyboard.type(".25")
    page.keyboard.press("Tab")
    lab.wait_kernel("7,-15,-1;-1,8,-1;-1,3,0.25")


def test_the_wheel_page_keys_and_a_drag_change_a_weight(lab: Lab) -> None:
    lab.open(**SMALL)
    wheel_and_page_keys(lab)
    lab.fill("kernel", "edge")
    dragging_a_cell_and_the_stages_follow(lab)


def wheel_and_page_keys(lab: Lab) -> None:
    page = lab.page
    at = lambda: lab.kernel()[1][1]  # noqa: E731
    becomes = lambda value: eventually(lambda: at() == value, page)  # noqa: E731
    page.mouse.move(*centre(lab))
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(200)
    assert at() == 8, "a cell without the focus leaves the wheel to the page"
    page.evaluate("scrollTo(0, 0)")
    lab.cell(1, 1).click()
    lab.record("conv")
    page.mouse.wheel(0, -100)
    becomes(8.1)
    page.mouse.wheel(0, 100)
    becomes(8)
    page.mouse.wheel(0, 100)
    becomes(7.9)
    lab.wait_kernel("-1,-1,-1;-1,7.9,-1;-1,-1,-1")
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -100)
    becomes(8.9)
    page.keyboard.up("Shift")
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -100)
    becomes(8.91)
    page.keyboard.up("Alt")
    lab.wait_kernel("-1,-1,-1;-1,8.91,-1;-1,-1,-1")
    assert lab.recorded() > 1, "the stages follow the wheel"
    for _ in range(6):
        page.keyboard.press("Control+z")
    assert lab.kernel() == EDGE
    for key, value in (("PageUp", 8.1), ("PageDown", 8), ("Shift+PageUp", 9), ("Alt+PageDown", 8.99)):
        page.keyboard.press(key)
        assert at() == value, key
    lab.wait_kernel("-1,-1,-1;-1,8.99,-1;-1,-1,-1")


def dragging_a_cell_and_the_stages_follow(lab: Lab) -> None:
    page = lab.page
    x, y = centre(lab)
    lab.record("conv")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 41):
        page.mouse.move(x + 3 * step, y)
        page.wait_for_timeout(30)
    during = lab.recorded()
    page.mouse.up()
    value = lab.kernel()[1][1]
    assert 9.5 < value <= 10.1
    assert during > 2, "the stages are drawn while the hand moves, not only when it stops"
    lab.wait_kernel(f"-1,-1,-1;-1,{value:g},-1;-1,-1,-1")
    page.keyboard.press("Control+z")
    assert lab.kernel() == EDGE, "one drag is one step of undo"
    lab.wait_kernel("edge")
    page.keyboard.press("Control+Shift+z")
    assert lab.kernel()[1][1] == value
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=5)
    page.mouse.up()
    assert lab.kernel()[1][1] == value, "down is not sideways"


def test_turns_presets_and_sizes(lab: Lab) -> None:
    lab.open(kernel="sobel-x", **SMALL)
    turns_sizes_and_sums(lab)
    presets_normalise_undo_redo_reset(lab)
    lab.fill("kernel", "1")
    sizes_from_one_to_eleven(lab)


def turns_sizes_and_sums(lab: Lab) -> None:
    page = lab.page
    lab.press("Transpose: rows become columns")
    lab.wait_kernel("sobel-y")
    expect(page.locator(".kg-menu")).to_have_value("sobel-y")
    lab.press("Rotate by 90° clockwise")
    assert lab.kernel() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    lab.press("Flip both axes (true convolution ↔ correlation)")
    lab.wait_kernel("sobel-x")
    assert page.get_by_role("button", name="The weights sum to 0").get_attribute("aria-disabled") == "true"
    lab.press("One row more")
    assert lab.kernel() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1], [0, 0, 0]]
    lab.press("One column more")
    lab.press("One column more")
    assert lab.kernel()[0] == [0, -1, 0, 1, 0]
    lab.press("One column fewer")
    lab.press("One column fewer")
    lab.press("One row fewer")
    lab.wait_kernel("sobel-x")


def presets_normalise_undo_redo_reset(lab: Lab) -> None:
    page = lab.page
    page.locator(".kg-menu").select_option("gaussian")
    lab.wait_kernel("gaussian")
    lab.wait_query(size="40", kernel="gaussian")
    expect(page.locator(".kg-look")).to_contain_text("blur", ignore_case=True)
    lab.write(1, 1, "1")
    expect(page.locator(".kg-sum")).to_have_text("Σ = 1.75")
    expect(page.locator(".kg-look")).to_contain_text("changed from gaussian")
    lab.press("Normalise:")
    expect(page.locator(".kg-sum")).to_have_text("Σ = 1")
    lab.press("Undo (")
    lab.press("Undo (")
    lab.wait_kernel("gaussian")
    lab.press("Redo (")
    assert lab.kernel()[1][1] == 1
    lab.press("Reset to gaussian")
    lab.wait_kernel("gaussian")


def sizes_from_one_to_eleven(lab: Lab) -> None:
    def press_ten_times(button: int) -> None:
        """Both steppers: each has "fewer", then "more"."""
        for axis in (0, 1):
            stepper = lab.page.locator(".kg-stepper").nth(axis)
            stepper.get_by_role("button").nth(button).evaluate(
                "button => { for (let i = 0; i < 10; i++) button.click(); }"
            )

    press_ten_times(1)
    assert [len(row) for row in lab.kernel()] == [11] * 11
    eventually(lambda: lab.shown("kernel").count(",") == 110, lab.page)
    assert lab.page.get_by_role("button", name="At most 11 rows").get_attribute("aria-disabled") == "true"
    press_ten_times(0)
    assert lab.kernel() == [[1]]
    lab.wait_kernel("1")


def test_random_weights_come_from_their_seed(lab: Lab) -> None:
    lab.open(**SMALL)
    page = lab.page

    def draw() -> list[list[float]]:
        before = lab.kernel()
        lab.press("Draw random weights")
        eventually(lambda: lab.kernel() != before, page)
        lab.idle()
        return lab.kernel()

    first = draw()
    assert first != EDGE and page.locator(".kg-seed").input_value() == "0"
    second = draw()
    assert second != first and page.locator(".kg-seed").input_value() == "1"
    page.locator(".kg-seed").fill("0")
    page.keyboard.press("Enter")
    eventually(lambda: lab.kernel() == first, page)
    page.locator(".kg-method").select_option("kaiming_normal")
    assert draw() not in (first, second)
    expect(page.locator(".kg-look")).to_contain_text("kaiming normal, seed 0")
    lab.press("Undo (")
    assert lab.kernel() == first
    lab.idle()
    assert lab.kernel() == first, "the answer to what was undone does not come back"


def test_a_kernel_written_as_text_reaches_the_grid(lab: Lab) -> None:
    lab.open(**SMALL)
    lab.write(0, 0, "5")
    lab.wait_kernel("5,-1,-1;-1,8,-1;-1,-1,-1")
    lab.fill("kernel", "1,2;3,4")
    eventually(lambda: lab.kernel() == [[1, 2], [3, 4]], lab.page)
    lab.cell(0, 0).click()
    lab.page.keyboard.press("Control+z")
    lab.wait_kernel("5,-1,-1;-1,8,-1;-1,-1,-1")
    lab.fill("kernel", "1,2;3")
    expect(lab.page.locator(".st-key-problem-kernel")).to_contain_text("Row 2")
    assert lab.kernel()[0] == [5, -1, -1], "the last good kernel stays"


def test_a_page_that_is_busy_itself_gives_no_edit_up(lab: Lab) -> None:
    lab.open(**SMALL)
    lab.page.evaluate("""() => {
      const grid = document.querySelector('.kernel-grid');
      window.shown = [];
      const note = () => window.shown.push(grid.dataset.kernel);
      new MutationObserver(note).observe(grid, { attributeFilter: ['data-kernel'] });
      // busy once the edit is on its way, for longer than the grid waits for an answer
      document.querySelector('.st-key-kernel input').addEventListener('keydown', () => setTimeout(() => {
        const end = performance.now() + 1500;
        while (performance.now() < end);
      }), { once: true });
    }""")
    lab.cell(1, 1).click()
    lab.page.keyboard.press("PageUp")
    lab.wait_kernel("-1,-1,-1;-1,8.1,-1;-1,-1,-1")
    assert set(lab.page.evaluate("window.shown")) == {"-1,-1,-1;-1,8.1,-1;-1,-1,-1"}


def test_dragging_by_touch(new_lab: OpenLab) -> None:
    lab = new_lab(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    lab.open(**SMALL)
    page = lab.page
    lab.cell(1, 1).tap()
    assert active(page) == [1, 1]
    x, y = centre(lab)
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 30):
        point = {"x": x + 3 * step, "y": y}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    eventually(lambda: lab.kernel()[1][1] > 8.5, page)
    heights = page.locator(".kg-button").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")
    assert min(heights) >= 38, "large enough for a finger"

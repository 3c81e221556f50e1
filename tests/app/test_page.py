"""The page as a reader meets it, in Debian's chromium; pictures of it stay in build/screenshots."""

import csv
import re
import shutil

import pydicom
import pytest
from PIL import Image

ROW, PANEL = "#worklist .cx-row", "#panel .pn"
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@pytest.fixture(scope="module")
def files(tmp_path_factory, chest_pixels, phantom_film):
    """A DICOM film, PNGs with known findings, and a file that is no image."""
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(chest_pixels(blob=(240, 200, 100, 80))).save(folder / "effusion.png")
    Image.fromarray(chest_pixels(blob=(150, 150, 120, 100), brightness=1.0, seed=2)).save(folder / "large_heart.png")
    Image.fromarray(chest_pixels()).save(folder / "healthy.png")
    # Just above the certified threshold: at a stricter point it is none.
    faint = chest_pixels(blob=(240, 200, 100, 80), brightness=0.757, seed=3)
    Image.fromarray(faint).save(folder / "faint.png")
    (folder / "broken.png").write_bytes(b"")
    (folder / "film.dcm").write_bytes(phantom_film.read_bytes())
    return folder


@pytest.fixture(scope="module")
def phantom_film(repository_root):
    return repository_root / "app" / "examples" / "00000005_002.dcm"


class Visit:
    """A visitor's browser window, and every address it asked for."""

    def __init__(self, context, server):
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.asked, self.faults = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.url = server.url
        self.page.goto(server.url)
        self.page.wait_for_selector("#worklist .cx-empty, #worklist .cx-row")

    def bring(self, *files):
        self.page.set_input_files("#drop input[type=file]", [str(file) for file in files])

    def wait_for_rows(self, count):
        self.page.wait_for_function(
            f"document.querySelectorAll('{ROW}').length === {count} && !document.querySelector('.cx-progress')"
        )

    def open(self, name):
        self.page.locator(ROW, has_text=name).click()
        self.page.locator(f"{PANEL} .pn-name", has_text=name).wait_for()

    def names(self):
        return self.page.locator(f"{ROW} .cx-name").all_inner_texts()

    def outside(self):
        return [url for url in self.asked if not url.startswith((self.url, "data:", "blob:"))]


@pytest.fixture
def enter(browser, server):
    """Open the page as a new visitor; the windows are closed when the test ends."""
    contexts = []

    def visit(**options):
        contexts.append(browser.new_context(accept_downloads=True, **options))
        return Visit(contexts[-1], server)

    yield visit
    for context in contexts:
        context.close()


def test_a_morning_at_the_page(enter, server, files, screenshots):
    """Upload, order, evidence, operating point, overrule, sign, restart: one visitor, one window."""
    visit = enter(viewport={"width": 1440, "height": 900})
    page = visit.page
    visit.bring(*(files / name for name in ("healthy.png", "faint.png", "effusion.png", "film.dcm", "broken.png")))
    visit.wait_for_rows(5)
    assert visit.names()[0] in ("film.dcm", "effusion.png")
    assert visit.names()[-1] == "broken.png"
    states = page.locator(f"{ROW} .cx-side .cx-pill").all_inner_texts()
    assert states == sorted(states, key=["Refer", "Read", "Below", "Refused"].index)
    page.screenshot(path=screenshots / "worklist.png")

    visit.open("broken.png")
    page.get_by_text("empty_file").wait_for()
    page.screenshot(path=screenshots / "refused.png")

    visit.open("effusion.png")
    page.locator(".vw-heat[data-finding=Effusion]").wait_for(state="visible")
    assert page.locator(".vw-boxes rect[data-finding=Effusion]").count() == 1
    page.screenshot(path=screenshots / "case.png")

    # Another finding's row, and then the sentence, move the overlay.
    page.locator(".pn-bar[data-finding=Nodule] .pn-title").click()
    page.locator(".vw-heat[data-finding=Effusion]").wait_for(state="hidden")
    page.locator(".pn-said[data-finding=Effusion]").click()
    page.locator(".vw-heat[data-finding=Effusion]").wait_for(state="visible")
    assert "Of 1,000 people without effusion about" in page.locator(".pn-words").inner_text()

    page.get_by_role("button", name="Invert").click()
    assert float(page.locator("#vw-tone feFuncR").get_attribute("slope")) < 0
    page.keyboard.press("i")
    assert float(page.locator("#vw-tone feFuncR").get_attribute("slope")) > 0
    page.keyboard.press("+")
    assert "scale(1.5)" in page.locator(".vw-layers").first.get_attribute("style")

    page.get_by_role("tab", name="Operating point").click()
    page.get_by_text("On your worklist now: 3 refer").wait_for()
    assert page.locator("#effects .cx-pill", has_text="NOT CERTIFIED").count() == 0
    page.get_by_label("Own threshold (not certified)").click()
    page.locator("#effects .cx-pill", has_text="NOT CERTIFIED").first.wait_for()
    page.locator("#shift input[type=number]").fill("3")
    page.get_by_text("On your worklist now: 2 refer").wait_for()
    page.screenshot(path=screenshots / "operating_point.png")
    page.get_by_label("Certified: few false alarms").click()
    page.get_by_text("On your worklist now: 3 refer").wait_for()

    page.get_by_role("tab", name="Worklist").click()
    page.locator("[data-verdict=Nodule]").click()
    page.fill(".pn-reader", "Dr. Example")
    page.fill(".pn-comment", HOSTILE)
    page.get_by_role("button", name="Sign: 2 stated").click()
    page.locator(".pn-signed").wait_for()
    assert page.locator(".pn-decision blockquote").inner_text() == HOSTILE
    page.screenshot(path=screenshots / "signed.png")
    with page.expect_download() as saved:
        page.locator(".pn-export [data-kind=pdf]").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF")
    assert "effusion" not in saved.value.suggested_filename

    said = server.stop()
    assert "effusion" not in said
    assert "Example" not in said
    server.start()
    page.goto(server.url)
    visit.wait_for_rows(5)
    assert visit.names()[-1] == "effusion.png"  # signed, hence last
    page.get_by_role("tab", name="Audit").click()
    signed = page.locator(".au-log tr", has_text="signed")
    signed.wait_for()
    assert "Dr. Example" in signed.inner_text()
    assert "Nodule present" in signed.inner_text()
    page.get_by_text("chain intact").wait_for()
    page.screenshot(path=screenshots / "audit.png", full_page=True)

    assert page.evaluate("window.hacked") is None
    assert visit.faults == []
    assert visit.outside() == []


def test_the_examples_open_with_one_click_and_the_keyboard_walks_through_them(enter, screenshots):
    visit = enter(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = visit.page
    page.get_by_role("button", name="Open ten example cases").click()
    visit.wait_for_rows(10)
    first, second = visit.names()[:2]
    page.keyboard.press("j")
    page.locator(f"{PANEL} .pn-name", has_text=first).wait_for()
    page.keyboard.press("j")
    page.locator(f"{PANEL} .pn-name", has_text=second).wait_for()
    page.keyboard.press("k")
    page.locator(f"{PANEL} .pn-name", has_text=first).wait_for()
    page.keyboard.press("f")
    page.locator(f"{ROW}.cx-chosen .cx-flag.cx-on").wait_for()
    page.screenshot(path=screenshots / "phone_dark.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visit.open("00000006_002")
    page.locator("[data-event=expand]").first.click()
    page.locator(".vw-prior").get_by_text("Earlier: 20").wait_for()
    assert page.locator(".pn-similar figure").count() == 5
    assert visit.outside() == []


def test_cases_are_signed_by_the_keyboard_alone_in_the_order_of_the_list(enter, screenshots):
    """One key for a case that is accepted; a verdict, a signed case and a missing name on the way."""
    visit = enter(viewport={"width": 1440, "height": 900})
    page = visit.page
    page.get_by_role("button", name="Open ten example cases").click()
    visit.wait_for_rows(10)
    order = [name for name in visit.names() if "Refused" not in page.locator(ROW, has_text=name).inner_text()]
    opened = f"{PANEL} .pn-name"
    page.keyboard.press("?")
    keys = page.locator("dialog.cx-keys")
    assert "open the next to sign" in keys.inner_text()
    page.screenshot(path=screenshots / "keys.png")
    page.keyboard.press("n")  # while the list is open no key does anything
    page.keyboard.press("Escape")
    assert not keys.is_visible()
    assert page.locator(f"{ROW}.cx-chosen").count() == 0
    assert page.locator(".cx-top").bounding_box()["height"] <= 60
    page.keyboard.press("n")
    page.locator(opened, has_text=order[0]).wait_for()
    page.locator(f"{ROW}.cx-chosen .cx-flag").focus()
    page.keyboard.press("Enter")  # the flag's own
    page.locator(f"{ROW}.cx-chosen .cx-flag.cx-on").wait_for()
    assert not page.locator(".pn-reader").evaluate("field => field === document.activeElement")
    page.locator(f"{ROW}.cx-chosen").focus()
    page.keyboard.press("Enter")  # nobody's name: nothing is signed, and the name is asked for
    page.keyboard.type("Dr. Ann s")
    assert page.locator(".pn-reader").input_value() == "Dr. Ann s"
    assert page.locator(".cx-done").count() == 0
    page.keyboard.press("Enter")
    for number, name in enumerate(order[1:], start=1):
        page.locator(opened, has_text=name).wait_for()
        assert page.locator(f"{ROW}.cx-chosen .cx-name").inner_text() == name
        assert page.locator(".cx-done").count() == number
        assert page.locator(".toast-wrap .toast-body").count() == 0  # nothing lies over the next case
        if number == 1:
            verdict = page.locator(".pn-verdict").first
            before = verdict.inner_text()
            page.keyboard.press("1")
            assert verdict.inner_text() != before
        page.keyboard.press("Enter" if number % 2 else "s")
    page.screenshot(path=screenshots / "sign_and_next.png")
    page.wait_for_function(f"document.querySelectorAll('.cx-done').length === {len(order)}")
    page.keyboard.press("s")  # all are signed: an accepted case is not signed twice
    page.keyboard.press("/")
    page.keyboard.type("00000011")
    visit.wait_for_rows(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.locator(opened, has_text="00000011").wait_for()
    assert page.locator(".pn-past").count() == 1
    assert visit.faults == []


@pytest.mark.parametrize("film", ["00000005_000", "00000005_002"])
def test_a_later_film_is_never_an_earlier_visit(enter, film):
    """The first film of two has the other one beside it, without an arrow; the second has a visit before it."""
    visit = enter()
    visit.page.get_by_role("button", name="Open ten example cases").click()
    visit.wait_for_rows(10)
    visit.open(film)
    [title] = visit.page.locator(".pn-visits h3").all_inner_texts()
    assert title == ("Earlier visits" if film == "00000005_002" else "Other visits")
    shown = visit.page.locator(".pn-visits").inner_text()
    assert ("→" in shown or "No finding changed" in shown) == (film == "00000005_002")
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", shown)
    assert re.search(r"· \d{4}-\d\d-\d\d", visit.page.locator(".pn-head").inner_text())


def test_a_number_in_a_file_name_is_no_dicom_patient_and_no_date(enter, files, tmp_path):
    """A picture named like a patient of the archive is not that patient, and has a number of a visit, not a day."""
    number = pydicom.dcmread(files / "film.dcm").PatientID
    assert re.fullmatch(r"\d{8}", number)
    names = [f"{number}_000.png", f"{number}_001.png"]
    for name in names:
        shutil.copy(files / "healthy.png", tmp_path / name)
    visit = enter()
    visit.bring(files / "film.dcm", *(tmp_path / name for name in names))
    visit.wait_for_rows(3)
    visit.open("film.dcm")
    assert visit.page.locator(".pn-visits").count() == 0
    visit.open(names[1])
    assert visit.page.locator(".pn-visits h3").all_inner_texts() == ["Other visits"]
    shown = visit.page.locator(".pn-visits").inner_text()
    assert "no valid date" in shown
    assert "→" not in shown
    assert "film.dcm" not in shown


@pytest.fixture
def effusion(enter, files):
    """An open case with an effusion, in a window of its own."""
    visit = enter()
    visit.bring(files / "effusion.png")
    visit.wait_for_rows(1)
    visit.open("effusion.png")
    visit.page.fill(".pn-reader", "Dr. Ann")
    return visit


def test_a_verdict_is_present_absent_or_not_stated_and_only_what_is_stated_is_signed(effusion):
    page = effusion.page
    nodule, heart = (page.locator(f"[data-verdict={name}]") for name in ("Nodule", "Cardiomegaly"))
    assert page.locator("[data-verdict=Effusion]").inner_text() == "present"
    assert [nodule.inner_text(), heart.inner_text()] == ["not stated", "not stated"]
    said = []
    for _ in range(4):
        nodule.click()
        said.append(nodule.inner_text())
    assert said == ["present", "absent", "not stated", "present"]
    nodule.click()
    page.get_by_role("button", name="Sign: 2 stated").click()
    page.locator(".pn-past", has_text="Effusion: present; Nodule: absent.").wait_for()
    assert "Cardiomegaly" not in page.locator(".pn-past").inner_text()
    page.get_by_role("tab", name="Audit").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save readers' labels (CSV)").click()
    [row] = csv.DictReader(saved.value.path().read_text().splitlines())
    stated = {name: row[name] for name in ("Effusion", "Nodule", "Cardiomegaly", "Mass")}
    assert stated == {"Effusion": "1", "Nodule": "0", "Cardiomegaly": "", "Mass": ""}
    assert row["reader"] == "Dr. Ann"
    assert row["signed"].startswith("20")


def test_a_double_click_signs_once_and_the_form_becomes_an_amendment_with_what_was_said(effusion):
    page = effusion.page
    page.fill(".pn-comment", "apical, see CT")
    page.locator(".pn-submit").dblclick()
    page.get_by_role("button", name="Sign amendment: 1 stated").wait_for()
    assert page.locator(".pn-past").count() == 1
    assert page.locator(".pn-past blockquote").inner_text() == "apical, see CT"
    assert page.locator(".pn-comment").input_value() == "apical, see CT"
    page.locator("[data-verdict=Nodule]").click()
    page.locator(".pn-submit").click()
    page.get_by_text("Amended by Dr. Ann").wait_for()
    past = page.locator(".pn-past").all_inner_texts()
    assert ["Nodule" in decision for decision in past] == [False, True]
    assert all("apical, see CT" in decision for decision in past)


def test_two_windows_on_one_case_the_second_signs_nothing_that_it_has_not_seen(effusion):
    first = effusion.page
    second = first.context.new_page()
    second.set_default_timeout(60_000)
    second.goto(effusion.url)
    second.locator(ROW).click()
    second.fill(".pn-reader", "Dr. Bea")
    second.fill(".pn-comment", "I see a nodule")
    second.locator("[data-verdict=Nodule]").click()
    first.locator(".pn-submit").click()
    first.locator(".pn-past").wait_for()
    second.locator(".pn-submit").click()
    second.get_by_text("Dr. Ann signed this case last").wait_for()
    assert second.locator(".pn-comment").input_value() == "I see a nodule"
    second.get_by_label("Close").last.click() if second.get_by_label("Close").count() else None
    second.locator(ROW).click()
    second.locator(".pn-past", has_text="Signed by Dr. Ann").wait_for()
    assert second.locator(".pn-comment").input_value() == "I see a nodule"
    second.locator("[data-verdict=Nodule]").click()
    second.get_by_role("button", name="Sign amendment: 2 stated").click()
    second.get_by_text("Amended by Dr. Bea").wait_for()
    assert len(second.locator(".pn-past").all()) == 2


def test_what_was_changed_and_not_signed_is_kept_and_said(effusion, files):
    page = effusion.page
    effusion.bring(files / "healthy.png")
    effusion.wait_for_rows(2)
    assert page.locator(".pn-draft").is_hidden()
    page.locator("[data-verdict=Nodule]").click()
    page.fill(".pn-comment", "half a sen")
    assert page.locator(".pn-draft").is_visible()
    effusion.open("healthy.png")
    assert page.locator(".pn-comment").input_value() == ""
    assert page.locator(".pn-draft").is_hidden()
    effusion.open("effusion.png")
    assert page.locator(".pn-comment").input_value() == "half a sen"
    assert page.locator("[data-verdict=Nodule]").inner_text() == "present"
    assert page.locator(".pn-draft").is_visible()
    page.locator(".pn-submit").click()
    page.locator(".pn-past", has_text="half a sen").wait_for()
    assert page.locator(".pn-draft").is_hidden()


def test_a_comment_from_right_to_left_is_set_so_on_the_page_and_in_the_pdf(effusion):
    page = effusion.page
    page.fill(".pn-comment", "لا يوجد انصباب")
    page.locator(".pn-submit").click()
    quote = page.locator(".pn-past blockquote")
    quote.wait_for()
    assert quote.evaluate("element => getComputedStyle(element).direction") == "rtl"
    with page.expect_download() as saved:
        page.locator(".pn-export [data-kind=pdf]").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF")


def test_names_and_words_from_outside_stay_words(enter, files, tmp_path):
    hostile = pydicom.dcmread(files / "film.dcm")
    hostile.PatientID = "<script>window.hacked=1</script>"
    path = tmp_path / "<img src=x onerror=window.hacked=1>.dcm"
    hostile.save_as(path)
    visit = enter()
    visit.bring(path)
    visit.wait_for_rows(1)
    visit.open("onerror")
    visit.page.get_by_text("Patient <script>").wait_for()
    assert visit.page.evaluate("window.hacked") is None


def test_visitors_see_their_own_cases_only(enter, files):
    one, two = enter(), enter()
    one.bring(files / "healthy.png")
    two.bring(files / "large_heart.png", files / "effusion.png")
    one.wait_for_rows(1)
    two.wait_for_rows(2)
    assert one.names() == ["healthy.png"]
    assert sorted(two.names()) == ["effusion.png", "large_heart.png"]


def test_an_upload_that_is_too_large_is_said(enter, tmp_path):
    (tmp_path / "big.png").write_bytes(b"\0" * (9 * 2**20))
    visit = enter()
    visit.bring(tmp_path / "big.png")
    visit.page.get_by_text("big.png: larger than 8 MB").wait_for()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900), (2560, 1440)])
def test_the_film_has_three_fifths_of_the_width_and_signing_is_in_sight(enter, files, width, height):
    visit = enter(viewport={"width": width, "height": height})
    page = visit.page
    visit.bring(files / "effusion.png")
    visit.wait_for_rows(1)
    visit.open("effusion.png")
    stage = page.locator(".vw-stage")
    stage.wait_for()
    assert stage.bounding_box()["width"] >= 0.6 * width - 1
    signing = page.locator(".pn-submit").bounding_box()
    assert signing["x"] + signing["width"] <= width
    assert signing["y"] + signing["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width

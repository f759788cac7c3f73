"""The page in a real browser in front of the real gateway: what a person can do with it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.page import (
    Site,
    Visit,
    finish_job,
    report_nodes,
    run_job,
    served,
    write_job_samples,
    write_samples,
)

pytestmark = pytest.mark.browser
expect.set_options(timeout=15_000)
HOSTS = [f"n{number:02}" for number in range(1, 13)]
CANVAS_HAS_INK = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(data.buffer)).size > 8;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A small cluster: one running job on four nodes, many that ended."""
    with served(tmp_path_factory.mktemp("page")) as made:
        report_nodes(made, [*HOSTS, "login.example.org"])
        write_samples(made, HOSTS, back_seconds=3600)
        for number in range(60):
            run_job(
                made, 4000 + number, HOSTS[:1], started=timedelta(hours=5), name="sweep", user="bob"
            )
            finish_job(
                made, 4000 + number, state="COMPLETED", ended=timedelta(hours=4), exit_code=0
            )
        run_job(made, 4710, HOSTS[4:5], started=timedelta(minutes=40), name="qe.scf")
        finish_job(made, 4710, state="FAILED", ended=timedelta(minutes=9), exit_code=3, signal=0)
        run_job(made, 4711, HOSTS[:4], started=timedelta(minutes=25), account="physics")
        for job_id, share in ((4720, 0.25), (4721, 0.9)):
            run_job(made, job_id, HOSTS[5:6], started=timedelta(minutes=20), cpus=8)
            write_job_samples(made, job_id, HOSTS[5], back_seconds=1200, share=share)
        yield made


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """A browser that is not logged in; the page may not complain about anything."""
    made = Visit(chromium, site.url, viewport={"width": 1360, "height": 900})
    yield made
    made.context.close()
    assert made.complaints == []


@pytest.fixture
def operator(visit: Visit, site: Site) -> Visit:
    """One who came by the one-time link."""
    visit.page.goto(site.login_link())
    return visit


def test_a_one_time_link_logs_in_and_shows_the_nodes(operator: Visit) -> None:
    page = operator.page

    rows = page.locator("table.nodes tbody tr")

    expect(rows).to_have_count(13)
    expect(rows.filter(has_text="n01")).to_contain_text(re.compile(r"Up.*%.*GiB.*4711"))
    expect(rows.filter(has_text="login.example.org")).to_contain_text("Down")


def test_a_token_logs_in_where_one_wanted_to_go_and_logs_out(visit: Visit, site: Site) -> None:
    page = visit.page
    page.goto("/jobs?user=bob")

    page.get_by_label("Access token").fill("not.a.token")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Log in again")
    visit.complaints.clear()  # the browser reports the 401 that was provoked
    page.get_by_label("Access token").fill(site.token("bob"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Jobs")).to_be_attached()
    assert page.url.endswith("/jobs?user=bob")
    page.get_by_label("Account of bob").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Access token")).to_be_visible()


def test_nodes_are_filtered_sorted_and_shown_as_tiles(operator: Visit) -> None:
    page = operator.page
    page.goto("/nodes")
    expect(page.locator("table.nodes tbody tr")).to_have_count(13)

    page.keyboard.press("/")
    expect(page.get_by_label("Filter nodes")).to_be_focused()
    page.keyboard.type("n1*")
    expect(page.locator("table.nodes tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Load"))
    page.get_by_role("button", name="Tiles").click()

    expect(page.locator("a.tile")).to_have_count(3)
    assert page.url.endswith("/nodes?q=n1*&sort=-load&view=tiles")


def test_a_node_shows_its_facts_jobs_and_charts(operator: Visit) -> None:
    page = operator.page
    page.goto("/nodes")

    page.get_by_role("link", name="n02", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile("n02"))).to_be_visible()
    expect(page.get_by_text("AMD EPYC 7543")).to_be_visible()
    expect(page.locator("table.jobs")).to_contain_text("lammps-melt")
    canvas = page.get_by_label("CPU time by mode", exact=True).locator("canvas")
    expect(canvas).to_be_visible()
    assert canvas.evaluate(CANVAS_HAS_INK)


def test_dragging_in_a_chart_zooms_and_the_cross_returns(operator: Visit) -> None:
    page = operator.page
    page.goto("/nodes/alpha/n02?range=1h")
    plot = page.get_by_label("Load", exact=True).locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box

    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 40, steps=5)
    page.mouse.up()

    expect(page).to_have_url(re.compile(r"start=\d+&end=\d+"))
    page.get_by_role("button", name="Leave the zoom").click()
    expect(page).to_have_url(re.compile(r"/nodes/alpha/n02$"))


def test_a_hostname_with_dots_has_a_page(operator: Visit) -> None:
    operator.page.goto("/nodes/alpha/login.example.org")

    expect(operator.page.get_by_role("heading", name="login.example.org Down")).to_be_visible()


def test_jobs_are_filtered_by_the_address_and_paged(operator: Visit) -> None:
    page = operator.page
    page.goto("/jobs")

    page.get_by_label("User").fill("bob")
    expect(page).to_have_url(re.compile("user=bob"))
    page.get_by_role("button", name="Completed").click()

    expect(page).to_have_url(re.compile(r"/jobs\?user=bob&state=COMPLETED$"))
    expect(page.get_by_role("status").filter(has_text="jobs")).to_have_text("50+ jobs")
    page.get_by_role("button", name="Load more").click()
    expect(page.get_by_role("status").filter(has_text="jobs")).to_have_text("60 jobs")
    page.get_by_label("Name").fill("swell*")
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    page.get_by_role("button", name="Clear filters").last.click()
    expect(page.locator("table.jobs")).to_contain_text("lammps-melt")


def test_a_job_that_starts_and_ends_is_seen_without_reloading(operator: Visit, site: Site) -> None:
    page = operator.page
    page.goto("/jobs?name=live*")
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    run_job(site, 4800, HOSTS[8:9], started=timedelta(seconds=3), name="live-demo")
    row = page.locator("table.jobs tbody tr")
    expect(row).to_contain_text("Running")
    finish_job(site, 4800, state="OUT_OF_MEMORY", exit_code=0, signal=9)

    expect(row).to_contain_text(re.compile("Out of memory.*SIGKILL"))


def test_a_job_on_several_nodes_shows_lines_ranges_and_statistics(operator: Visit) -> None:
    page = operator.page
    page.goto("/jobs/alpha/4711")

    chart = page.get_by_label("CPU user", exact=True)
    expect(chart).to_contain_text(re.compile(r"n01.*n02.*n03.*n04"))
    assert chart.locator("canvas").evaluate(CANVAS_HAS_INK)
    page.get_by_role("button", name="Range over nodes").click()
    expect(chart).to_contain_text(re.compile(r"highest node.*average.*lowest node"))

    page.get_by_role("button", name="CPU user 4 nodes").click()
    expect(page.locator("table.statistics tr.sub")).to_have_count(4)
    expect(page.get_by_label("History").locator("li")).to_have_count(6)


def test_a_failed_job_says_how_it_ended_in_words(operator: Visit) -> None:
    page = operator.page
    page.goto("/jobs/4710")

    expect(page.locator(".outcome")).to_contain_text("It ended with an error. Exit code 3.")
    page.get_by_label("Memory", exact=True).get_by_role("button", name="Table").first.click()
    expect(page.get_by_label("Values").locator("tbody tr").first).to_contain_text("GiB")


def test_what_does_not_exist_is_said_and_not_blank(operator: Visit) -> None:
    page = operator.page
    for address, words in {
        "/jobs/alpha/99": "There is no job 99",
        "/nodes/alpha/nowhere": "HTTP 404",
        "/nothing/here": "There is no such page",
    }.items():
        page.goto(address)
        expect(page.locator("main")).to_contain_text(words)
    operator.complaints.clear()  # the browser reports the 404s that were provoked


def test_a_server_that_is_away_is_announced_until_it_answers(operator: Visit) -> None:
    page = operator.page
    page.goto("/nodes")
    expect(page.locator("table.nodes")).to_be_visible()

    operator.context.set_offline(True)
    page.get_by_role("link", name="n03", exact=True).click()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    operator.context.set_offline(False)

    expect(page.get_by_text("The server does not answer.")).to_be_hidden()
    expect(page.get_by_role("heading", name=re.compile("n03"))).to_be_visible()
    operator.complaints.clear()  # the browser reports what failed


def test_the_page_fits_a_telephone_in_the_dark(chromium: Browser, site: Site) -> None:
    visit = Visit(chromium, site.url, viewport={"width": 390, "height": 844}, color_scheme="dark")
    visit.page.goto(site.login_link())

    for address in ("/nodes", "/nodes?view=tiles", "/nodes/alpha/n01", "/jobs", "/jobs/alpha/4711"):
        visit.page.goto(address)
        expect(visit.page.locator("main .card").first).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 390, address
    visit.context.close()
    assert visit.complaints == []


def test_a_thousand_nodes_draw_only_the_rows_near_the_screen(
    chromium: Browser, tmp_path: Path
) -> None:
    hosts = [f"node{number:04}" for number in range(1000)]
    with served(tmp_path) as site:
        report_nodes(site, hosts)
        write_samples(site, hosts, back_seconds=0)
        visit = Visit(chromium, site.url, viewport={"width": 1360, "height": 900})

        visit.page.goto(site.login_link())
        expect(visit.page.get_by_text("1000 nodes")).to_be_visible()
        drawn = visit.page.locator("table.nodes tbody tr")
        assert drawn.count() < 150
        visit.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        expect(drawn.filter(has_text="node0999")).to_be_visible()

        assert visit.complaints == []
        visit.context.close()


def test_a_job_on_a_shared_node_shows_its_own_use_and_limit(operator: Visit) -> None:
    page = operator.page
    page.goto("/jobs/alpha/4720")

    gauges = page.locator(".gauges")
    expect(gauges).to_contain_text(re.compile(r"CPU time used.*25.*Memory used.*25", re.DOTALL))
    card = page.get_by_role("region", name="Memory of the job")
    expect(card.locator(".legend")).to_contain_text("limit 16")
    assert card.locator("canvas").evaluate(CANVAS_HAS_INK)
    page.goto("/jobs/alpha/4721")

    expect(gauges).to_contain_text(re.compile(r"CPU time used.*90.*Memory used.*90", re.DOTALL))

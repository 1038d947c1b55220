"""The page that the server sends: it asks that server alone, and keeps what was selected."""

import numpy as np
import pytest
from playwright.sync_api import expect

import latentscape
from latentscape.api.exploring import open_exploration
from latentscape.explorer.gathering import Wanted
from latentscape.explorer.server import start


@pytest.fixture(scope="module")
def exploration(shown, built):
    return open_exploration(shown, Wanted(map="pca", in_file=False))


@pytest.fixture
def served(exploration, visitor):
    server = start(exploration)
    yield visitor(server.url).explore(server.url)
    server.stop()


def test_points_are_asked_for_as_they_are_seen(served, exploration):
    panel = served.panel("Example")
    point = served.hover_a_point()
    picture = panel.get_by_role("img", name="Example")
    expect(picture).to_be_visible()
    for _ in range(100):
        image = served.pixels(picture)
        if image.shape == (28, 28):
            break
        served.page.wait_for_timeout(50)
    assert np.abs(image - exploration.images(point, point + 1)[0, 0] / 255).max() < 0.01
    expect(panel.get_by_role("img", name="Reconstruction")).to_be_visible()


def test_selections_are_kept_with_the_run(served, exploration, shown):
    panel = served.panel("Select")
    panel.get_by_role("combobox", name="Label").select_option(label="3")
    panel.get_by_label("Name of the selection").fill("threes")
    panel.get_by_role("button", name="Keep").click()
    kept = panel.get_by_role("region", name="Named selections")
    expect(kept).to_contain_text("threes")
    expect(kept).to_contain_text("kept with the run")
    selected = served.state("selection")
    served.page.reload()
    panel = served.panel("Select")
    expect(panel.get_by_role("region", name="Named selections")).to_contain_text(
        f"threes ({len(selected)})"
    )
    (of_data,) = latentscape.labels(shown).datasets
    assert [selection.name for selection in of_data.selections] == ["threes"]
    panel.get_by_role("button", name="Remove threes").click()
    expect(panel.get_by_role("region", name="Named selections")).to_have_count(0)

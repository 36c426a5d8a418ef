"""Two precedents made one, and one made two, by its page."""

from __future__ import annotations

import httpx
import pytest

from tests.api.web.correcting import NOBODY, looked_at, merged, sent, taken
from tests.api.web.knowing import indexed, precedent
from tests.api.web.reading import elements, fields_of_form, text_of


def test_a_merge_shows_both_first(pages: httpx.Client, told: httpx.Client) -> None:
    """Side by side, with what the other has not marked; nothing is done by looking."""
    apple, beet = precedent(told, "apple", times=2), precedent(told, "beet")
    look = pages.get(f"/ui/precedents/{apple['id']}/merge", params={"other": beet["id"]})

    assert "Are these the same failure?" in text_of(look)
    assert "<ins>apple</ins>" in look.text
    assert "<del>beet</del>" in look.text
    assert 1 == told.get(f"/precedents/{beet['id']}").json()["occurrences"]


def test_a_merge_joins(pages: httpx.Client, told: httpx.Client) -> None:
    """Counts are one; the other's address leads here; the history says who and why."""
    found = merged(pages, told)
    text = looked_at(pages, found["id"])
    (other,) = told.get(f"/precedents/{found['id']}/history").json()["changes"][0]["precedents"][1:]

    assert 5 == found["occurrences"]
    assert "Ada merged others into it" in text
    assert "both torn" in text
    led = pages.get(f"/ui/precedents/{other}")
    assert (303, f"/ui/precedents/{found['id']}") == (led.status_code, led.headers["location"])


@pytest.mark.parametrize("other", [NOBODY, "itself"])
def test_what_cannot_be_merged(pages: httpx.Client, told: httpx.Client, other: str) -> None:
    """The page says why."""
    found = precedent(told, "apple")
    named = found["id"] if other == "itself" else other
    answer = pages.get(f"/ui/precedents/{found['id']}/merge", params={"other": named})

    assert answer.status_code in (404, 422)
    assert text_of(answer)


@pytest.mark.parametrize("words", ["", "  ", "the beet ledger"])
def test_a_merge_without_an_address_offers_the_nearest(pages: httpx.Client, told: httpx.Client, words: str) -> None:
    """The workspace's own alone, without itself; each leads to both side by side."""
    apple, beet = precedent(told, "apple"), precedent(told, "beet")
    indexed(told)
    here = f"/ui/precedents/{apple['id']}/merge"
    offer = pages.get(here, params={"other": words})
    links = [str(each.get("href")) for each in elements(offer, "a") if "other=" in str(each.get("href"))]

    assert [f"{here}?other={beet['id']}"] == links
    assert "Are these the same failure?" in text_of(pages.get(links[0]))


def test_a_merge_warns_where_a_correction_is_lost(pages: httpx.Client, told: httpx.Client) -> None:
    """And offers to merge the other way round, by which it stays."""
    apple, beet = precedent(told, "apple"), precedent(told, "beet")
    here = f"/ui/precedents/{apple['id']}/merge"
    taken(pages, beet["id"], "verdict", verdict="genuine", reason="x")
    passed_on = text_of(pages.get(here, params={"other": beet["id"]}))
    taken(pages, apple["id"], "verdict", verdict="transient", reason="x")
    lost = pages.get(here, params={"other": beet["id"]})
    other_way = f"/ui/precedents/{beet['id']}/merge?other={apple['id']}"

    assert "as people have said of the other" in passed_on
    assert "somebody called the other ✕ genuine counts no longer" in text_of(lost)
    assert other_way in [str(each.get("href")) for each in elements(lost, "a")]


def test_a_merge_with_what_has_changed_is_refused(pages: httpx.Client, told: httpx.Client) -> None:
    """Both are to be looked at again."""
    apple, beet = precedent(told, "apple"), precedent(told, "beet")
    look = pages.get(f"/ui/precedents/{apple['id']}/merge", params={"other": beet["id"]})
    hidden = fields_of_form(look, f"/ui/precedents/{apple['id']}/merge")
    taken(pages, beet["id"], "verdict", verdict="genuine", reason="x")
    refused = pages.post(f"/ui/precedents/{apple['id']}/merge", data=hidden)

    assert (412, True) == (refused.status_code, "corrected it after you had looked at it" in text_of(refused))
    assert 1 == told.get(f"/precedents/{apple['id']}").json()["occurrences"]


def test_a_merge_goes_on_in_place_after_both_have_changed(pages: httpx.Client, told: httpx.Client) -> None:
    """Each change is told in the form, which is sent again with what was told, and then leads on."""
    apple, beet = precedent(told, "apple"), precedent(told, "beet")
    action, in_place = f"/ui/precedents/{apple['id']}/merge", {"HX-Request": "true"}
    form = fields_of_form(pages.get(action, params={"other": beet["id"]}), action)
    for each, who in ((apple, "Bea"), (beet, "Cem")):
        taken(pages, each["id"], "verdict", verdict="genuine", reason="x", author=who)
    notes = []
    for _ in range(2):
        notes.append(pages.post(action, data=form, headers=in_place))
        form |= {str(each["name"]): str(each["value"]) for each in elements(notes[-1], "input")}
    done = pages.post(action, data=form, headers=in_place)

    assert [(412, True), (412, True)] == [
        (note.status_code, who in text_of(note)) for note, who in zip(notes, ("Bea", "Cem"), strict=True)
    ]
    assert (204, f"/ui/precedents/{apple['id']}") == (done.status_code, done.headers["hx-redirect"])
    assert "Merged." in looked_at(pages, apple["id"])


def test_a_split_parts_what_was_ticked(pages: httpx.Client, told: httpx.Client) -> None:
    """It leads to the new precedent, and each has its own."""
    found = merged(pages, told)
    ticked = [each["fingerprint"] for each in found["signatures"] if "beet" in each["template"]]
    answer = taken(pages, found["id"], "split", fingerprint=ticked, reason="not the same")
    new = answer.headers["location"].partition("?")[0].rpartition("/")[2]

    assert found["id"] != new
    assert (2, 3) == tuple(told.get(f"/precedents/{each}").json()["occurrences"] for each in (found["id"], new))
    assert "Split." in looked_at(pages, new)


def test_a_split_of_nothing_is_refused(pages: httpx.Client, told: httpx.Client) -> None:
    """In words, in its form, which keeps what was written; so is one that leaves nothing."""
    found = merged(pages, told)
    everything = [each["fingerprint"] for each in found["signatures"]]
    nothing = sent(pages, found["id"], "split", reason="not the same")
    all_of_it = sent(pages, found["id"], "split", fingerprint=everything, reason="not the same")

    assert "Tick at least one" in text_of(nothing)
    for answer, ticked in ((nothing, 0), (all_of_it, 2)):
        boxes = [each for each in elements(answer, "input") if each.get("name") == "fingerprint"]
        assert (422, ticked) == (answer.status_code, len([each for each in boxes if "checked" in each]))
        assert "not the same" in answer.text.partition("split-reason")[2]

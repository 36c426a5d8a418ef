"""What people do in Slack, and what they see then."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from aiohttp import web

from api.chat import blocks
from api.chat.asking import FAULT, Asking
from tests.api.chat.reading import elements, incident_of, leading, size, text_of, value_of
from tests.api.chat.slack import BOT, CHANNEL, Workspace, refused
from tests.api.durability.process import wait_for

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
BROKEN = "KeyError: 'chat_column_{}' in features.py, column missing from the frame"


def answered(workspace: Workspace, text: str) -> list[dict[str, Any]]:
    """The blocks that a command is answered with."""
    workspace.command(text)
    shown: list[dict[str, Any]] = workspace.slack.wait("response_url").body["blocks"]
    return shown


def precedent_of(known: httpx.Client, incident_id: str) -> dict[str, Any]:
    """What is known of an incident's precedent now."""
    precedent_id = known.get(f"/incidents/{incident_id}").json()["precedent_id"]
    found: dict[str, Any] = known.get(f"/precedents/{precedent_id}").json()
    return found


def test_a_command_is_answered(workspace: Workspace) -> None:
    """To the one who typed it, by `response_url`: verdict, decision with delay, why, two precedents, buttons."""
    acknowledged = workspace.command(SLOW_DOWN)
    answer = workspace.slack.wait("response_url").body
    seen = text_of(answer["blocks"])

    assert (200, "", "ephemeral") == (acknowledged.status_code, acknowledged.text, answer["response_type"])
    assert "transient (rate limit)" in seen
    assert "% sure" in seen
    assert "Retry in " in seen
    assert "Why: " in seen
    assert "1. " in seen
    assert "2. " in seen
    assert ["It helped", "Wrong", "Add resolution"] == [
        each["text"]["text"] for each in answer["blocks"][-1]["elements"]
    ]


def test_an_answer_says_who_fixed_it_and_how(workspace: Workspace, known: httpx.Client) -> None:
    """In the words of the resolution."""
    text = BROKEN.format("resolved")
    incident = known.post("/incidents", json={"text": text}).json()
    said = {"summary": "Rename the column in the loader.", "author": "Grace Hopper", "action": "fix_then_rerun"}
    known.post(f"/incidents/{incident['id']}/resolution", json=said)

    seen = text_of(answered(workspace, text))

    assert "Fixed by Grace Hopper on " in seen
    assert "Rename the column in the loader." in seen


def test_nothing_to_look_for_is_said(workspace: Workspace) -> None:
    """A command without an error teaches what to do."""
    workspace.command("   ")

    assert "Paste an error" in text_of(workspace.slack.wait("response_url").body)


def test_a_mention_with_the_error_is_answered_in_its_thread(workspace: Workspace) -> None:
    """The text is what follows the phrase."""
    message = workspace.message(f"<@{BOT}> seen this before?\n```{SLOW_DOWN}```", kind="app_mention")
    acknowledged = workspace.event(message)
    answer = workspace.slack.wait("chat.postMessage").body

    assert 200 == acknowledged.status_code
    assert (CHANNEL, message["ts"]) == (answer["channel"], answer["thread_ts"])
    assert "rate limit" in text_of(answer["blocks"])


def test_a_mention_in_a_thread_asks_for_what_began_it(workspace: Workspace) -> None:
    """The error is in the parent message, marked up by Slack."""
    parent = {"ts": "1699999999.000001", "text": "&lt;urlopen error&gt; <http://h.example|h.example>: " + SLOW_DOWN}
    workspace.slack.messages[parent["ts"]] = parent
    mention = workspace.message(f"<@{BOT}> seen this before?", kind="app_mention", thread_ts=parent["ts"])
    workspace.event(mention)
    answer = workspace.slack.wait("chat.postMessage").body

    assert parent["ts"] == answer["thread_ts"]
    assert "rate limit" in text_of(answer["blocks"])


def test_a_reply_in_a_thread_needs_no_mention(workspace: Workspace) -> None:
    """An alert of another bot is asked about, its text in an attachment."""
    parent = {"ts": "1699999999.000002", "text": "", "bot_id": "B9", "attachments": [{"text": SLOW_DOWN}]}
    workspace.slack.messages[parent["ts"]] = parent
    workspace.event(workspace.message("Seen this before?", thread_ts=parent["ts"]))

    assert "rate limit" in text_of(workspace.slack.wait("chat.postMessage").body["blocks"])


def test_a_shortcut_asks_for_its_message(workspace: Workspace) -> None:
    """The answer goes into the message's thread."""
    message = workspace.message(SLOW_DOWN)
    workspace.shortcut(message)
    answer = workspace.slack.wait("chat.postMessage").body

    assert message["ts"] == answer["thread_ts"]
    assert "rate limit" in text_of(answer["blocks"])


def test_where_the_bot_is_not_the_answer_goes_to_who_asked(workspace: Workspace) -> None:
    """A private channel takes no message of the bot's."""
    workspace.slack.answers["chat.postMessage"] = refused("not_in_channel")
    workspace.shortcut(workspace.message(SLOW_DOWN))

    assert "rate limit" in text_of(workspace.slack.wait("response_url").body["blocks"])


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message", "bot_id": "B1"},
        {"subtype": "message_changed"},
        {"user": None},
    ],
)
def test_bots_are_not_answered(workspace: Workspace, more: dict[str, Any]) -> None:
    """Two bots would talk for ever; nor are edits asked twice."""
    acknowledged = workspace.event(workspace.message(f"seen this before? {SLOW_DOWN}", thread_ts="1.1", **more))
    workspace.command(SLOW_DOWN)
    workspace.slack.wait("response_url")

    assert 200 == acknowledged.status_code
    assert [] == workspace.slack.of("chat.postMessage")


def test_talk_is_left_alone(workspace: Workspace) -> None:
    """Without the phrase, and without a thread, nobody asks."""
    workspace.event(workspace.message("lunch?", thread_ts="1.1"))
    workspace.event(workspace.message("seen this before? it is a film"))
    workspace.command(SLOW_DOWN)
    workspace.slack.wait("response_url")

    assert [] == workspace.slack.of("chat.postMessage")


def test_a_direct_message_is_a_question(workspace: Workspace) -> None:
    """To the bot alone, so no phrase is needed."""
    for mention in ("", f"<@{BOT}> "):
        workspace.event(workspace.message(mention + SLOW_DOWN, channel="D1", channel_type="im"))
    workspace.slack.wait("chat.postMessage", count=2)

    assert ["D1", "D1"] == [each.body["channel"] for each in workspace.slack.of("chat.postMessage")]


def test_slacks_retry_is_not_answered_twice(workspace: Workspace) -> None:
    """The same event, signed anew."""
    message = workspace.message(f"<@{BOT}> {SLOW_DOWN}", kind="app_mention")
    statuses = [workspace.event(message, event_id="Ev-retried", retry=number).status_code for number in (None, 1)]
    workspace.slack.wait("chat.postMessage")
    workspace.command(SLOW_DOWN)
    workspace.slack.wait("response_url")

    assert [200, 200] == statuses
    assert 1 == len(workspace.slack.of("chat.postMessage"))


def test_it_helped_after_a_retry_is_an_outcome(workspace: Workspace, known: httpx.Client) -> None:
    """The answer is replaced, with a note of who said so; pressed twice, it counts once."""
    text = SLOW_DOWN + " for bucket chat-helped"
    incident = incident_of(answered(workspace, text))
    before = precedent_of(known, incident)["retries"]["succeeded"]
    for _ in range(2):
        workspace.press(blocks.HELPED, incident, ephemeral=True)
    replaced = workspace.slack.wait("response_url", count=3).body

    assert replaced["replace_original"] is True
    assert "ana: recorded a retry that succeeded." in text_of(replaced["blocks"])
    assert 1 == precedent_of(known, incident)["retries"]["succeeded"] - before


def test_it_helped_where_a_fix_was_shown_is_a_resolution(workspace: Workspace, known: httpx.Client) -> None:
    """What fixed it before fixed it again, says who pressed."""
    text = BROKEN.format("helped")
    first = known.post("/incidents", json={"text": text, "verdict": "genuine", "cause": "data_quality"}).json()
    known.post(f"/incidents/{first['id']}/resolution", json={"summary": "Rename it.", "author": "bob"})
    incident = incident_of(answered(workspace, text))
    workspace.press(blocks.HELPED, incident)
    replaced = workspace.slack.wait("response_url", count=2).body
    said = precedent_of(known, incident)["resolutions"]

    assert "ana: recorded that what fixed it before fixed it again." in text_of(replaced["blocks"])
    assert ["Rename it.", "ana", incident] == [said[0][each] for each in ("summary", "author", "incident_id")]


def proposed_for(known: httpx.Client, text: str, *, by: str = "export agent") -> str:
    """What an agent proposes to have fixed a failure of that text; the proposal's id."""
    incident = known.post("/incidents", json={"text": text}).json()["id"]
    body = {"incident_id": incident, "summary": "Ask for the column by its new name.", "author": by}
    answer = known.post("/resolutions", json=body)
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("action", "state", "resolutions"), [(blocks.ACCEPT, "accepted", 1), (blocks.REJECT, "rejected", 0)]
)
def test_what_an_agent_proposed_is_decided_about(
    workspace: Workspace, known: httpx.Client, action: str, state: str, resolutions: int
) -> None:
    """It is shown as what waits and not as advice; one press decides, under the name of who pressed."""
    text = BROKEN.format(state)
    id = proposed_for(known, text)
    shown = answered(workspace, text)
    workspace.press(action, value_of(shown, action))
    replaced = workspace.slack.wait("response_url", count=2).body
    decided = [each for each in known.get(f"/resolutions?state={state}").json()["resolutions"] if each["id"] == id]
    precedent = known.get(f"/precedents/{decided[0]['precedent_id']}").json()

    assert "Proposed, not yet accepted by export agent. It is no advice" in text_of(shown).replace("\n", "")
    assert ["ana"] == [each["decided_by"] for each in decided]
    assert f"ana: recorded that the proposed resolution is {state}." in text_of(replaced["blocks"])
    assert "Proposed, not yet accepted" not in text_of(replaced["blocks"])
    assert resolutions == len(precedent["resolutions"])


def test_nobody_accepts_what_they_proposed(workspace: Workspace, known: httpx.Client) -> None:
    """The one who pressed is told so, and it waits on."""
    text = BROKEN.format("own")
    id = proposed_for(known, text, by="ana")
    shown = answered(workspace, text)
    workspace.press(blocks.ACCEPT, value_of(shown, blocks.ACCEPT))
    told = workspace.slack.wait("response_url", count=2).body

    assert "another person does" in text_of(told["blocks"])
    assert id in [each["id"] for each in known.get("/resolutions").json()["resolutions"]]


@pytest.mark.parametrize("name", ["ask", "again"])
def test_what_nobody_foresaw_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """To whoever asked or pressed, without the error's own words, which may quote what was asked."""
    shown, secret = answered(workspace, SLOW_DOWN), "4711"

    async def broken(*_: object, **__: object) -> object:
        raise ValueError(f"it quotes {secret}")

    monkeypatch.setattr(Asking, name, broken)
    if name == "ask":
        workspace.command(f"SecretError: {secret}")
    else:
        workspace.press(blocks.HELPED, incident_of(shown))
    told = text_of(workspace.slack.wait("response_url", count=2).body["blocks"])

    assert FAULT in told
    wait_for(lambda: "ValueError" in caplog.text)
    assert secret not in caplog.text + told


def test_wrong_asks_what_is_right_and_corrects(workspace: Workspace, known: httpx.Client) -> None:
    """Verdict and cause of the precedent, in its history under the name of who said so."""
    incident = incident_of(answered(workspace, BROKEN.format("wrong")))
    workspace.press(blocks.WRONG, incident)
    opened = workspace.slack.wait("views.open").body
    workspace.fill_in(opened["view"], right="genuine", cause="data_quality", why="The export dropped it.")
    replaced = workspace.slack.wait("response_url", count=2).body
    precedent = precedent_of(known, incident)
    history = known.get(f"/precedents/{precedent['id']}/history").json()["changes"]

    assert ("genuine", True, "data_quality") == tuple(
        precedent[each] for each in ("verdict", "verdict_overridden", "cause")
    )
    assert ("ana", "The export dropped it.") == (history[0]["author"], history[0]["reason"])
    assert "ana: recorded that the precedent is genuine (data quality)." in text_of(replaced["blocks"])


def test_wrong_because_it_failed_again_is_an_outcome(workspace: Workspace, known: httpx.Client) -> None:
    """It says nothing of the verdict by itself."""
    incident = incident_of(answered(workspace, SLOW_DOWN + " for bucket chat-failed"))
    before = precedent_of(known, incident)["retries"]["failed"]
    workspace.press(blocks.WRONG, incident)
    workspace.fill_in(workspace.slack.wait("views.open").body["view"], right="failed_again")
    workspace.slack.wait("response_url", count=2)

    assert 1 == precedent_of(known, incident)["retries"]["failed"] - before


def test_a_resolution_is_added_by_a_modal(workspace: Workspace, known: httpx.Client) -> None:
    """With its action and the name of who wrote it; notes of before stay."""
    incident = incident_of(answered(workspace, BROKEN.format("added")))
    noted = blocks.notes(("bob: recorded a retry that failed.",))
    workspace.press(blocks.RESOLVE, incident, message={"ts": "1.1", "blocks": noted})
    view = workspace.slack.wait("views.open").body["view"]
    closed = workspace.fill_in(view, summary="Pin the schema.", action="fix_then_rerun", verdict="genuine")
    replaced = workspace.slack.wait("response_url", count=2).body
    said = precedent_of(known, incident)["resolutions"][0]

    assert (200, "") == (closed.status_code, closed.text)
    assert ("Pin the schema.", "fix_then_rerun", "genuine", "ana") == tuple(
        said[each] for each in ("summary", "action", "verdict", "author")
    )
    assert "bob: recorded a retry that failed.\nana: recorded a resolution." in text_of(replaced["blocks"])


def test_it_helped_where_nothing_was_known_asks_what_did(workspace: Workspace, known: httpx.Client) -> None:
    """There is nothing to record by itself."""
    incident = known.post("/incidents", json={"text": "Zorblax frobnication exhausted quux 17"}).json()["id"]
    workspace.press(blocks.HELPED, incident)

    assert "Add resolution" == workspace.slack.wait("views.open").body["view"]["title"]["text"]


def test_an_expired_response_url_is_gone_round(workspace: Workspace) -> None:
    """After half an hour the bot updates its own message."""
    incident = incident_of(answered(workspace, SLOW_DOWN + " for bucket chat-expired"))
    workspace.slack.answers["response_url"] = lambda _: web.Response(status=404, text="expired_url")
    workspace.press(blocks.HELPED, incident)
    updated = workspace.slack.wait("chat.update").body

    assert (CHANNEL, "1700000001.000100") == (updated["channel"], updated["ts"])


def test_a_form_that_does_not_open_is_said(workspace: Workspace) -> None:
    """Slack lets it be opened for 3 s."""
    incident = incident_of(answered(workspace, SLOW_DOWN))
    workspace.slack.answers["views.open"] = refused("expired_trigger_id")
    workspace.press(blocks.WRONG, incident)

    assert "expired_trigger_id" in text_of(workspace.slack.wait("response_url", count=2).body["blocks"])


@pytest.mark.parametrize(("answer", "method"), [(None, "chat.postEphemeral"), ("not_in_channel", "chat.postMessage")])
def test_a_mention_without_an_error_is_told_how(workspace: Workspace, answer: str | None, method: str) -> None:
    """To the one who asked alone, where that can be."""
    if answer is not None:
        workspace.slack.answers["chat.postEphemeral"] = refused(answer)
    workspace.event(workspace.message(f"<@{BOT}> seen this before?", kind="app_mention"))
    told = workspace.slack.wait(method).body

    assert CHANNEL == told["channel"]
    assert "Paste an error" in text_of(told["blocks"])


def test_what_cannot_be_recorded_is_said(workspace: Workspace) -> None:
    """To the one who pressed."""
    workspace.press(blocks.HELPED, "00000000-0000-7000-8000-000000000000")
    told = workspace.slack.wait("response_url").body

    assert "This could not be recorded." in text_of(told["blocks"])
    assert not told.get("replace_original")


def test_long_texts_are_cut_with_a_link(workspace: Workspace, known: httpx.Client) -> None:
    """No block has more than 3,000 characters; the rest is a click away."""
    text = BROKEN.format("long") + "\n" + "x" * 30_000
    first = known.post("/incidents", json={"text": text}).json()
    known.post(f"/incidents/{first['id']}/resolution", json={"summary": "long " * 3_000, "author": "a" * 200})
    shown = answered(workspace, text)
    incident = incident_of(shown)

    assert max(map(size, shown)) <= 3_000
    assert f"https://seen.example/ui/incidents/{incident}" in [each.get("url") for each in elements(shown)]
    assert "The whole of what was cut" in text_of(shown)
    assert [] == leading(shown)


def test_answers_wait_for_slack_as_it_asks(workspace: Workspace) -> None:
    """429 with `Retry-After`: the same message again, after that."""
    times: list[int] = []

    def slow_down(_: dict[str, Any]) -> web.Response:
        times.append(1)
        if len(times) == 1:
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})
        return web.json_response({"ok": True, "ts": "1.1"})

    workspace.slack.answers["chat.postMessage"] = slow_down
    workspace.event(workspace.message(f"<@{BOT}> {SLOW_DOWN}", kind="app_mention"))
    second = workspace.slack.wait("chat.postMessage", count=2)

    assert second.at - workspace.slack.of("chat.postMessage")[0].at >= 1


def test_a_command_may_say_payload(workspace: Workspace) -> None:
    """Bolt takes a form with that word in it for an interaction, and finds nothing there."""
    assert "resource limit" in text_of(answered(workspace, "HTTPError: 413 Client Error: payload too large for url"))


def test_the_address_is_verified(workspace: Workspace) -> None:
    """Slack's first request to a new address."""
    answer = workspace.send(
        "events", b'{"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV"}', kind="application/json"
    )

    assert (200, "3eZbrw1aBm2rZgRNFdxV") == (answer.status_code, answer.json()["challenge"])


def test_slack_is_not_there_where_it_is_not_set_up(service_url: str) -> None:
    """It says what is missing."""
    answer = httpx.post(f"{service_url}/chat/slack/commands", content=b"")

    assert 404 == answer.status_code
    assert "SEENBEFORE_SLACK_SIGNING_SECRET" in answer.json()["detail"]

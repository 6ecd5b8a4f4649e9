"""An emergency message: who may switch it on, by the API or by phone, what is refused, and how it ends."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select
from support.web_hotline import MORNING, Api, WebHotline, names_of_broadcasts

from hotline import broadcast_door
from hotline.accounts import Role, all_tokens, revoke_token
from hotline.web.audit import AuditEntry
from ivr.calls.broadcast_codes import LeadersPhones, NotAShiftLeader
from ivr.calls.broadcasts import BadBroadcast, Wanted, planned
from ivr.config_files.running import Running
from ivr.lines import FeatureCodes


def test_a_shift_leader_switches_a_prepared_message_on_and_off(web: WebHotline, leader: Api) -> None:
    answer = leader.post("/api/broadcasts", {"name": "storm"})
    assert answer.status_code == 201, answer.text
    on = answer.json()
    assert (on["name"], on["numbers"], on["say"], on["is_on"], on["is_played"]) == (
        "storm",
        None,
        None,
        True,
        True,
    )
    assert datetime.fromisoformat(on["until"]) == MORNING + timedelta(minutes=180), "as broadcasts.yaml says"
    assert (on["started_by"], on["is_long"]) == ("shift_leader test shift_leader", False)
    assert on["seconds"] > 5
    agent = web.client(Role.AGENT, "1001")
    assert names_of_broadcasts(agent) == ["storm"]
    assert [one["name"] for one in agent.get("/api/broadcasts").json()["ready"]] == [
        "storm",
        "heating_outage",
    ]
    assert 'hotline_broadcast_on{name="storm"} 1.0' in web.client().get("/metrics").text

    web.clock += timedelta(minutes=5)
    off = leader.request("DELETE", f"/api/broadcasts/{on['id']}").json()
    assert (off["is_on"], off["ended_by"]) == (False, "shift_leader test shift_leader")
    web.clock += timedelta(minutes=5)
    again = leader.request("DELETE", f"/api/broadcasts/{on['id']}")
    assert again.json() == off, "said twice it changes nothing"
    assert names_of_broadcasts(leader) == []
    assert names_of_broadcasts(leader, which="all") == ["storm"]
    metrics = web.client().get("/metrics").text
    assert all(f'hotline_broadcast_on{{name="{name}"}} 0.0' in metrics for name in ("storm", "spoken"))
    with web.database.reading() as session:
        audited = [
            (one.action, one.subject, one.reason)
            for one in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
        ]
    subject = f"broadcast {on['id']}"
    assert audited == [("broadcast_on", subject, "storm"), ("broadcast_off", subject, "storm")]


def test_nobody_below_a_shift_leader_switches(web: WebHotline, leader: Api) -> None:
    agent = web.client(Role.AGENT, "1001")
    assert agent.post("/api/broadcasts", {"name": "storm"}).status_code == 403
    assert web.client().get("/api/broadcasts").status_code == 401
    on = leader.post("/api/broadcasts", {"name": "storm"}).json()
    assert agent.request("DELETE", f"/api/broadcasts/{on['id']}").status_code == 403
    assert names_of_broadcasts(agent) == ["storm"]
    assert web.client(Role.ADMIN).request("DELETE", f"/api/broadcasts/{on['id']}").status_code == 200


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "nothing is said"),
        ({"name": "strom"}, 'no broadcast "strom" in broadcasts.yaml. Did you mean "storm"?'),
        ({"name": "storm", "numbers": ["12346"]}, 'no number "12346"'),
        ({"name": "storm", "until": "2026-03-02T02:00:00Z"}, "it would be over already"),
        ({"name": "storm", "until": "2026-03-03T02:00:01Z"}, "for more than 1440 minutes"),
        ({"say": "☎"}, "cannot be spoken"),
        ({"say": " "}, "has no words"),
        ({"say": "水" * 601}, "has 601 characters"),
    ],
)
def test_what_cannot_be_switched_on_is_told_and_nothing_is_on(
    leader: Api, asked: dict[str, str], words: str
) -> None:
    answer = leader.post("/api/broadcasts", asked)
    assert answer.status_code == 422
    assert words in answer.json()["detail"], answer.text
    assert answer.json()["remedy"]
    assert names_of_broadcasts(leader) == []


def test_a_number_for_emergencies_has_no_broadcast(web: WebHotline) -> None:
    lines = web.configuration.lines
    urgent = lines.numbers[0].model_copy(update={"is_emergency": True})
    marked = lines.model_copy(update={"numbers": [urgent, *lines.numbers[1:]]})
    known = type(web.configuration)(**{**vars(web.configuration), "lines": marked})
    with pytest.raises(BadBroadcast, match="callers of 12345 hear none: it is for emergencies"):
        planned(known, Wanted("storm", numbers=("12319", "12345")), "x", MORNING)
    assert planned(known, Wanted("storm"), "x", MORNING).numbers is None, "the others hear it"


def test_a_slip_in_the_request_is_refused(leader: Api) -> None:
    assert leader.post("/api/broadcasts", {"name": "storm", "untill": "x"}).status_code == 422
    assert leader.post("/api/broadcasts", {"name": "storm", "numbers": []}).status_code == 422
    assert (
        leader.request("DELETE", "/api/broadcasts/77").json()["type"]
        == "urn:hotline:problem:no_such_broadcast"
    )


def test_what_is_said_is_spoken_when_it_is_switched_on(web: WebHotline, leader: Api) -> None:
    on = leader.post(
        "/api/broadcasts", {"say": "城东停水，今晚8点前恢复。", "numbers": ["12319", "12319"]}
    ).json()
    assert (on["name"], on["numbers"]) == ("spoken", ["12319"])
    assert datetime.fromisoformat(on["until"]) == MORNING + timedelta(minutes=120)
    (sound,) = (web.hotline.settings.prompts_dir / "broadcasts").glob("*.wav")
    board = broadcast_door.board_of(web.hotline)
    board.refresh()
    on_air, library = board.for_call("12319", web.hotline.running, web.clock)
    assert on_air is not None
    assert library.paths["zh", on_air.prompts[0]] == sound
    assert abs(library.length(on_air.prompts[0], "zh") - on["seconds"]) < 0.1
    assert board.for_call("12345", web.hotline.running, web.clock)[0] is None
    long = leader.post("/api/broadcasts", {"name": "storm", "say": "请避开积水路段，" * 20}).json()
    assert (long["name"], long["is_long"]) == ("storm", True)


def test_it_ends_by_itself(web: WebHotline, leader: Api) -> None:
    leader.post("/api/broadcasts", {"name": "storm"})
    web.clock += timedelta(minutes=180)
    assert names_of_broadcasts(leader) == []
    (over,) = leader.get("/api/broadcasts", which="all").json()["items"]
    assert (over["is_on"], over["ended_at"]) == (False, None)


def phones(web: WebHotline, codes: FeatureCodes | None = None) -> LeadersPhones:
    running = web.hotline.running
    if codes is not None:
        lines = running.configuration.lines.model_copy(update={"feature_codes": codes})
        known = {**vars(running.configuration), "lines": lines}
        running = Running(type(running.configuration)(**known), running.prompts, False)
    return LeadersPhones(
        lambda: running,
        web.database.writing,
        lambda session, agent_no: broadcast_door.leads(web.hotline, session, agent_no),
        lambda: web.clock,
    )


def test_only_a_shift_leaders_phone_switches(web: WebHotline, leader: Api) -> None:
    desk = phones(web)
    web.token(Role.AGENT, "1001")
    web.token(Role.SHIFT_LEADER)  # for nobody's phone
    with pytest.raises(NotAShiftLeader):
        desk.dial("*201", "1001")
    web.token(Role.SHIFT_LEADER, "1001", MORNING + timedelta(hours=8))
    assert desk.dial("*202", "1001") == "broadcast_on"
    assert desk.dial("*201", "1001") == "broadcast_on"
    assert names_of_broadcasts(leader) == ["storm", "heating_outage"]
    with pytest.raises(NotAShiftLeader):
        desk.dial("*21", "1002")
    assert desk.dial("*21", "1001") == "broadcast_off"
    assert names_of_broadcasts(leader) == []
    web.clock += timedelta(hours=8)
    with pytest.raises(NotAShiftLeader):
        desk.dial("*201", "1001")


def test_a_revoked_token_leads_no_shift(web: WebHotline) -> None:
    web.token(Role.SHIFT_LEADER, "1001")
    with web.database.writing() as session:
        (token,) = [token for token, _ in all_tokens(session) if token.agent_no == "1001"]
        revoke_token(session, token.id or 0)
    with pytest.raises(NotAShiftLeader):
        phones(web).dial("*21", "1001")


@pytest.mark.parametrize("code", ["*20", "*200", "*203", "*20x", "*201234"])
def test_a_slip_on_the_phone_switches_nothing_on(web: WebHotline, leader: Api, code: str) -> None:
    web.token(Role.SHIFT_LEADER, "1001")
    with pytest.raises(BadBroadcast):
        phones(web).dial(code, "1001")
    assert names_of_broadcasts(leader) == []


def test_codes_that_are_not_these_are_the_agents_own(web: WebHotline) -> None:
    for code in ("*10", "*11", "*12", "*122", "*13"):
        assert phones(web).dial(code, "1001") is None
    for code in ("*201", "*21"):
        assert phones(web, FeatureCodes()).dial(code, "1001") is None, "without codes no phone switches"
    own = FeatureCodes(pause="*2", broadcast_on="*20", broadcast_off="*21")
    assert phones(web, own).dial("*2", "1001") is None
    own = FeatureCodes(pause="*12", broadcast_on="*1", broadcast_off="*9")
    assert phones(web, own).dial("*121", "1001") is None, "a pause with its first reason"

"""What a person typed about agents: read with patience, refused with the line, the fault and the remedy."""

import pytest

from ivr.agents.roster import BadAgent, NewAgent, read_agent, read_csv

QUEUES = {"general", "heating"}


def test_an_agent_with_queues_and_penalties() -> None:
    assert read_agent(" 1001 ", "王 芳", "general heating:5", QUEUES) == NewAgent(
        "1001", "王 芳", (("general", 0), ("heating", 5))
    )


@pytest.mark.parametrize(
    ("agent_no", "name", "queues", "fault"),
    [
        ("1", "王芳", "general", "agent number '1' is not 3 to 8 digits"),
        ("0001", "王芳", "general", "agent number '0001' is not 3 to 8 digits"),
        ("１００１", "王芳", "general", "is not 3 to 8 digits"),
        ("1001", "", "general", "name '' cannot stand"),
        ("1001", "王|芳", "general", "name '王|芳' cannot stand"),
        ("1001", "王\n芳", "general", "cannot stand"),
        ("1001", "王芳", "generel", "no queue 'generel'. The queues are: general, heating"),
        ("1001", "王芳", "general:x", "penalty 'x' of general is not 0 to 100"),
        ("1001", "王芳", "general:101", "penalty '101' of general is not 0 to 100"),
    ],
)
def test_faults_are_named_with_their_remedy(agent_no: str, name: str, queues: str, fault: str) -> None:
    with pytest.raises(BadAgent) as refused:
        read_agent(agent_no, name, queues, QUEUES)
    assert fault in str(refused.value)


def test_a_file_tells_all_its_faults_at_once() -> None:
    text = "agent_no,name,queues\n1001,王芳,general\n1,李雷,general\n1001,韩梅,general\n1003,张三,nowhere\n"
    agents, faults = read_csv(text.splitlines(), QUEUES)
    assert [agent.agent_no for agent in agents] == ["1001"]
    assert [fault.line for fault in faults] == [3, 4, 5]
    assert "stands in line 2 already" in str(faults[1])


@pytest.mark.parametrize("text", ["", "number,name\n1001,x\n", "agent_no;name;queues\n1001;x;general\n"])
def test_a_file_of_another_kind_says_what_is_wanted(text: str) -> None:
    agents, faults = read_csv(text.splitlines(), QUEUES)
    assert agents == []
    assert "Write: agent_no,name,queues" in str(faults[0])


def test_short_rows_are_faults_not_crashes() -> None:
    _, faults = read_csv(["agent_no,name,queues", "1001", "1002,李雷"], QUEUES)
    assert len(faults) == 1  # 1002 has a name and no queue, which is allowed
    assert faults[0].line == 2

"""Commands about who works here: agents and their phones, users, tokens."""

from pathlib import Path

from support.sipp import free_port
from support.terminal import Terminal

from hotline import bootstrap
from ivr.agents.roster import get_agent

PASSWORD = "correct horse battery"


def test_agents_are_added_imported_listed_and_get_their_phones(shell: Terminal, tmp_path: Path) -> None:
    # the port is one on which nobody listens: Asterisk is off
    off = {"HOTLINE_ASTERISK_HTTP_PORT": str(free_port())}
    said = shell.type("agent add 2001 王芳 -q general -q heating:5", **off)
    assert said == (
        "agent 2001 王芳: stored; Asterisk is not running, the SIP account is made when it starts\n"
    )
    file = tmp_path / "agents.csv"
    file.write_text("agent_no,name,queues\n2002,李娜,general\n2001,王芳,general:3\n", encoding="utf-8")
    shell.type("agent import", str(file), **off)
    assert shell.type("agent list").splitlines() == [
        "2001  王芳  general:3  signed out",
        "2002  李娜  general:0  signed out",
    ]
    file.write_text("agent_no,name,queues\n2003,赵敏,general\nx,y,nowhere\n", encoding="utf-8")
    assert "nothing was stored" in shell.type("agent import", str(file), code=1)
    assert "2003" not in shell.type("agent list")

    said = shell.type("agent phone 2001")
    phone = shell.home / "phones" / "2001.txt"
    assert said == f"written to {phone}\n"
    assert phone.stat().st_mode & 0o777 == 0o600
    own = bootstrap.build(shell.settings)
    with own.database.reading() as session:
        secret = own.sealer.open(get_agent(session, "2001").sip_secret_sealed)
    assert f"SIP user agent-2001, secret {secret}, server 127.0.0.1:5060" in phone.read_text(encoding="utf-8")
    assert secret not in said
    assert "there is no agent 9999" in shell.type("agent phone 9999", code=1)


def test_a_token_stands_alone_on_the_last_line_and_opens_the_api(shell: Terminal) -> None:
    token = shell.type("token create --role shift_leader --label screen").splitlines()[-1]
    api = shell.api(token)
    assert api.get("/api/calls").status_code == 200
    [line] = [one for one in shell.type("token list").splitlines() if "screen" in one]
    assert "shift_leader" in line
    assert "last used never" not in line  # it was, just now
    assert token not in line
    number = line.split()[0]
    assert shell.type(f"token revoke {number}") == f"token {number} is revoked\n"
    assert api.get("/api/calls").status_code == 401
    api.close()
    assert "screen" in shell.type("token list")
    assert "there is no token 99" in shell.type("token revoke 99", code=1)
    assert "acts for one agent" in shell.type("token create --role agent", code=1)


def test_a_user_is_added_listed_and_shut_out_with_every_token(shell: Terminal) -> None:
    assert "too short" in shell.type("user add 李值班 --role shift_leader", code=1, answer="short\n")
    said = shell.type("user add 李值班 --role shift_leader", answer=f"{PASSWORD}\n")
    assert said == "user 李值班 added as shift_leader\n"
    assert "there is a user" in shell.type("user add 李值班 --role admin", code=1, answer=f"{PASSWORD}\n")

    assert "has the role shift_leader" in shell.type("token create --role admin --user 李值班", code=1)
    token = shell.type("token create --role shift_leader --user 李值班").splitlines()[-1]
    assert "  user 李值班  " in shell.type("token list")
    api = shell.api(token)
    for act, shown, status in (("disable", "disabled", 401), ("enable", "active", 200)):
        assert shell.type(f"user {act} 李值班") == f"user 李值班 is {shown}\n"
        assert shell.type("user list").startswith(f"李值班  shift_leader  {shown}  since ")
        assert api.get("/api/calls").status_code == status
    api.close()
    assert "`hotline user list` names them all" in shell.type("user disable 张三", code=1)

"""Two server processes may listen on one port, so that the AGI work of a busy hotline spreads over cores."""

from support.agi_peer import ServerInThread, serving, wait_until

from ivr.telephony.agi_server import AgiServer


def test_two_servers_on_one_port_serve_every_call():
    routes = {"moment": lambda session: session.noop()}
    with serving(routes, shares_port=True) as first:
        second = ServerInThread(AgiServer(routes, port=first.server.port, shares_port=True))
        second.run(second.server.start())
        try:
            for _ in range(50):
                assert first.call("moment").converse() == ["NOOP"]
            wait_until(lambda: first.server.counters.served + second.server.counters.served == 50)
        finally:
            second.run(second.server.stop())
            second.end()

"""What can be wrong with a change to a ticket, named after the fact."""

from vocabulary.errors import HotlineError


class NoSuchTicket(HotlineError):
    """There is no ticket with this id."""

    def __init__(self, ticket_id: int) -> None:
        super().__init__(f"no ticket has the id {ticket_id}")
        self.ticket_id = ticket_id


class TicketChanged(HotlineError):
    """Somebody else changed the ticket since it was read; `version` is what it is now."""

    def __init__(self, ticket_id: int, version: int) -> None:
        super().__init__(f"ticket {ticket_id} was changed in the meantime; it is at version {version}")
        self.ticket_id = ticket_id
        self.version = version


class WrongState(HotlineError):
    """A ticket in `state` cannot be changed so, or cannot go to `wanted`."""

    def __init__(self, ticket_id: int, state: str, wanted: str) -> None:
        super().__init__(f"ticket {ticket_id} is {state}; it cannot become {wanted}")
        self.ticket_id = ticket_id
        self.state = state
        self.wanted = wanted


class UnknownCode(HotlineError):
    """`code` is not in the list (`categories`, `areas`, `units`, `dispositions`) of config/codes.yaml."""

    def __init__(self, listed: str, code: str) -> None:
        super().__init__(f'"{code}" is not among the {listed}')
        self.listed = listed
        self.code = code

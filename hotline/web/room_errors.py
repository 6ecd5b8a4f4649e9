"""What the rooms of the API do not find, where no room below has a word for it."""

from vocabulary.errors import HotlineError


class NoSuchCall(HotlineError):
    def __init__(self, call_id: str) -> None:
        super().__init__(f"there is no call {call_id}")
        self.call_id = call_id


class NoSuchQueue(HotlineError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no queue {name}")
        self.name = name

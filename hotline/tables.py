"""Every table of the hotline in one metadata: migrations compare the database with it.

A package that gets a table of its own adds its module here; a test finds forgotten ones.
"""

from typing import Final

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import hotline.accounts
import hotline.leases
import hotline.parts
import hotline.set_aside
import hotline.web.audit
import ivr.agents.tables
import ivr.calls.broadcasts
import missed_call_redial.callbacks
import tickets.call_events
import tickets.call_records
import tickets.citizens
import tickets.numbering
import tickets.tickets

MODULES: Final = (
    hotline.accounts,
    hotline.leases,
    hotline.parts,
    hotline.set_aside,
    hotline.web.audit,
    ivr.agents.tables,
    ivr.calls.broadcasts,
    missed_call_redial.callbacks,
    tickets.call_events,
    tickets.call_records,
    tickets.citizens,
    tickets.numbering,
    tickets.tickets,
)


def metadata() -> MetaData:
    """All tables of all rooms."""
    return SQLModel.metadata

"""Who may use the API: users, and the tokens that machines and desks show with every request.

Tables and their rules only; web/access.py says what a role may do.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import Field, Session, SQLModel, col, select, update

from ivr.agents.roster import NoSuchAgent, get_agent
from vocabulary.errors import HotlineError

# scrypt with N = 2^15, r = 8, p = 3: 32 MB and about a fifth of a second for one guess
_SCRYPT_LOG2_N: Final = 15
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 3
_SCRYPT_MEMORY: Final = 128 * 1024 * 1024
_SHORTEST_PASSWORD: Final = 12

_TOKEN_PREFIX: Final = "hl_"
_TOKEN_BYTES: Final = 32
_LONGEST_TOKEN: Final = 200
_USE_NOTED_EVERY: Final = timedelta(minutes=1)


class Role(StrEnum):
    """话务员, 值班长, 管理员."""

    AGENT = "agent"
    SHIFT_LEADER = "shift_leader"
    ADMIN = "admin"


class User(SQLModel, table=True):
    """A person with a password; `password_hash` says its own parameters: scrypt$15$8$3$salt$hash."""

    __tablename__ = "app_user"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=60)
    role: str = Field(max_length=20)
    password_hash: str
    is_active: bool = True
    created_at: datetime


class ApiToken(SQLModel, table=True):
    """Only the SHA-256 of a token is kept: 256 random bits need no slow hash."""

    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int | None = Field(default=None, foreign_key="app_user.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    role: str = Field(max_length=20)
    agent_no: str | None = Field(default=None, max_length=10)
    label: str = Field(max_length=60)
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    is_revoked: bool = False


@dataclass(frozen=True)
class Caller:
    """Who makes a request. `agent_no` is the only agent whom a token with the role agent may act for."""

    token_id: int
    role: Role
    agent_no: str | None
    label: str

    @property
    def written(self) -> str:
        """As histories and the audit name him; at most 60 letters."""
        if self.agent_no is not None:
            return f"{self.role} {self.agent_no}"
        return f"{self.role} {self.label}"[:60]


class BadAccount(HotlineError):
    """What was given does not make a user or a token; the text says why, `remedy` what to do."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}. {remedy}")
        self.fault, self.remedy = fault, remedy


class NoSuchUser(HotlineError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name!r}; `hotline user list` names them all")
        self.name = name


class NoSuchToken(HotlineError):
    def __init__(self, token_id: int) -> None:
        super().__init__(f"there is no token {token_id}")
        self.token_id = token_id


def create_user(session: Session, name: str, role: Role, password: str, now: datetime) -> User:
    """Raises BadAccount: a name that is taken or empty, a short password."""
    _check_label(name, "name")
    if len(password) < _SHORTEST_PASSWORD:
        raise BadAccount("the password is too short", f"Write at least {_SHORTEST_PASSWORD} characters")
    if session.exec(select(User.id).where(col(User.name) == name)).first() is not None:
        raise BadAccount(f"there is a user {name!r} already", "Choose another name")
    user = User(name=name, role=role, password_hash=hash_password(password), created_at=now)
    session.add(user)
    session.flush()
    return user


def all_users(session: Session) -> list[User]:
    return list(session.exec(select(User).order_by(col(User.name))))


def user_named(session: Session, name: str) -> User:
    """Raises NoSuchUser."""
    user = session.exec(select(User).where(col(User.name) == name)).first()
    if user is None:
        raise NoSuchUser(name)
    return user


def set_active(session: Session, name: str, *, is_active: bool) -> None:
    """A user who is not active is shut out, with all tokens. Raises NoSuchUser."""
    user = user_named(session, name)
    user.is_active = is_active
    session.add(user)


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    parameters = (_SCRYPT_LOG2_N, _SCRYPT_R, _SCRYPT_P)
    found = _scrypt(password, salt, parameters)
    return "$".join(("scrypt", *map(str, parameters), salt.hex(), found.hex()))


def is_password_of(password: str, password_hash: str) -> bool:
    """Takes the same time whether it fits or not."""
    _, log2_n, r, p, salt, kept = password_hash.split("$")
    found = _scrypt(password, bytes.fromhex(salt), (int(log2_n), int(r), int(p)))
    return hmac.compare_digest(found, bytes.fromhex(kept))


def _scrypt(password: str, salt: bytes, parameters: tuple[int, int, int]) -> bytes:
    log2_n, r, p = parameters
    return hashlib.scrypt(
        password.encode(), salt=salt, n=1 << log2_n, r=r, p=p, maxmem=_SCRYPT_MEMORY, dklen=32
    )


def create_token(
    session: Session,
    role: Role,
    agent_no: str | None,
    label: str,
    now: datetime,
    expires_at: datetime | None = None,
    user: User | None = None,
) -> str:
    """The plain token, which is shown once and never kept. Raises BadAccount, NoSuchAgent."""
    _check_label(label, "label")
    if user is not None and user.role != role:
        raise BadAccount(f"the user {user.name!r} has the role {user.role}", f"Ask for the role {user.role}")
    if role is Role.AGENT and agent_no is None:
        raise BadAccount("a token with the role agent acts for one agent", "Name the agent's number")
    if agent_no is not None:
        get_agent(session, agent_no)
    if expires_at is not None and expires_at <= now:
        raise BadAccount("the token would have expired already", "Choose a later moment, or none")
    plain = _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(
        ApiToken(
            user_id=None if user is None else user.id,
            token_hash=_hash_token(plain),
            role=role,
            agent_no=agent_no,
            label=label,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return plain


def all_tokens(session: Session) -> list[tuple[ApiToken, str | None]]:
    """Each with the name of the user whom it belongs to."""
    statement = select(ApiToken, User.name).join(User, isouter=True).order_by(col(ApiToken.id))
    return [(token, name) for token, name in session.exec(statement)]


def revoke_token(session: Session, token_id: int) -> None:
    """Raises NoSuchToken. It is refused from now on; the row stays, for the audit."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NoSuchToken(token_id)
    token.is_revoked = True
    session.add(token)


def check_token(session: Session, plain: str, now: datetime) -> Caller | None:
    """None: unknown, revoked, expired, or somebody who is gone. Notes the use: needs a writing session."""
    token = find_token(session, plain, now)
    if token is None:
        return None
    if is_use_due(token, now):
        note_use(session, token, now)
    return caller_of(token)


def find_token(session: Session, plain: str, now: datetime) -> ApiToken | None:
    """The valid token, only read."""
    if not plain.startswith(_TOKEN_PREFIX) or len(plain) > _LONGEST_TOKEN:
        return None
    token = session.exec(select(ApiToken).where(col(ApiToken.token_hash) == _hash_token(plain))).first()
    if token is None or token.is_revoked or (token.expires_at is not None and token.expires_at <= now):
        return None
    return token if _holder_is_there(session, token) else None


def is_leader(session: Session, agent_no: str, now: datetime) -> bool:
    """Somebody who sits at this agent's phone leads a shift: there is a valid token of that role, or an admin's, for him."""
    statement = select(ApiToken).where(
        col(ApiToken.agent_no) == agent_no,
        col(ApiToken.role).in_([Role.SHIFT_LEADER, Role.ADMIN]),
        col(ApiToken.is_revoked).is_(False),
    )
    return any(
        (token.expires_at is None or token.expires_at > now) and _holder_is_there(session, token)
        for token in session.exec(statement)
    )


def is_use_due(token: ApiToken, now: datetime) -> bool:
    """The last use is noted at most once a minute: a reader must not become a writer with every request."""
    return token.last_used_at is None or now - token.last_used_at >= _USE_NOTED_EVERY


def note_use(session: Session, token: ApiToken, now: datetime) -> None:
    session.exec(update(ApiToken).where(col(ApiToken.id) == token.id).values(last_used_at=now))


def caller_of(token: ApiToken) -> Caller:
    assert token.id is not None
    return Caller(token.id, Role(token.role), token.agent_no, token.label)


def _holder_is_there(session: Session, token: ApiToken) -> bool:
    if token.agent_no is not None:
        try:
            get_agent(session, token.agent_no)
        except NoSuchAgent:
            return False
    if token.user_id is None:
        return True
    user = session.get(User, token.user_id)
    return user is not None and user.is_active


def _hash_token(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()


def _check_label(text: str, what: str) -> None:
    if not 1 <= len(text) <= 60 or not text.isprintable() or text != text.strip():
        raise BadAccount(f"the {what} cannot stand", "Write 1 to 60 letters, no blank at either end")

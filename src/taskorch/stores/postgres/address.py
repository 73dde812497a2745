"""Where a database is: the text that the driver connects with, and the name that may be shown."""

from typing import Any

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskorch.errors import StoreUnreadable


@attrs.frozen
class Address:
    """Where a database is.

    Attributes:
        name: What to call it in messages; without the password.
        conninfo: What the driver connects with; shown nowhere.
        password: What must not be shown, if the address holds it.
    """

    name: str
    conninfo: str = attrs.field(repr=False)
    password: str | None = attrs.field(repr=False)

    def without_secret(self, text: str) -> str:
        """*text* with the password blotted out, should it stand there."""
        return text.replace(self.password, "***") if self.password else text


def address_of(dsn: str, *, statement_timeout: float, connect_timeout: float) -> Address:
    """The address that *dsn* is.

    Args:
        dsn: A ``postgresql://`` URL, or ``host=… dbname=…``.
        statement_timeout: How many seconds the server works on one statement at most.
        connect_timeout: How many seconds to wait for a connection.

    Raises:
        StoreUnreadable: It is no address. The driver's own words are left out, as they quote the text.
    """
    try:
        known: dict[str, Any] = conninfo_to_dict(dsn)  # Any: what the driver makes of it, texts and numbers
    except (psycopg.Error, UnicodeError, ValueError):
        raise StoreUnreadable(
            "postgresql://…", "is no address of a database; use postgresql://user:password@host:port/database"
        ) from None
    milliseconds = max(int(statement_timeout * 1000), 1)
    limits = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    # Whoever is gone without a word is noticed: while we ask by the first, while we only listen within a minute.
    defaults = {"application_name": "taskorch", "tcp_user_timeout": milliseconds}
    defaults |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    settings = {
        **defaults,
        **known,
        # What was asked for by hand comes later and so wins.
        "options": f"{limits} {known.get('options') or ''}".strip(),
        "connect_timeout": max(int(connect_timeout), 1),
        "client_encoding": "UTF8",
    }
    password = known.get("password")
    return Address(_shown(known), make_conninfo("", **settings), str(password) if password else None)


def _shown(known: dict[str, Any]) -> str:  # Any: as above
    user = f"{known['user']}@" if known.get("user") else ""
    port = f":{known['port']}" if known.get("port") else ""
    return f"postgresql://{user}{known.get('host') or known.get('hostaddr') or ''}{port}/{known.get('dbname') or ''}"

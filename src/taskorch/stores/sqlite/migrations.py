"""How a database of an older version becomes one of the present version.

A step moves the old tables out of the way, and fills the new ones from them. It is one transaction: whichever
statement is the last one before a crash, the file is as it was before, and the next opening does the step again.
"""

import attrs


@attrs.frozen
class Step:
    """The way from an older version to the present one.

    Attributes:
        before: What is done before the present tables are made.
        after: What is done when they are there.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


# One body that is no JSON must not keep the file from being opened: of that one nothing is known.
_DOCUMENT = "CASE WHEN json_valid(body) THEN body END"
_STATE = f"json_extract({_DOCUMENT}, '$.task.state.current')"
_ENDED = (
    f"{_STATE} IN ('COMPLETED', 'CANCELLED') OR ({_STATE} = 'FAILED'"
    f""" AND json_extract({_DOCUMENT}, '$.task."x-taskorch".retry_at') IS NULL)"""
)
_CHANGED_AT = f"CAST(strftime('%s', json_extract({_DOCUMENT}, '$.task.state.changed_at')) AS INTEGER) * 1000000"

MIGRATIONS: dict[int, Step] = {
    # Version 1 knew no waiting entries, and kept a lease in a row of its own.
    1: Step(
        before=(
            "DROP INDEX living_lease",
            "DROP INDEX journal_of_run",
            "ALTER TABLE record RENAME TO old_record",
            "ALTER TABLE lease RENAME TO old_lease",
            "ALTER TABLE journal RENAME TO old_journal",
        ),
        after=(
            f"""
            INSERT INTO record (id, version, state, finished_at, epoch, number, body)
                SELECT old_record.id, old_record.version, coalesce({_STATE}, ''),
                    CASE WHEN {_ENDED} THEN {_CHANGED_AT} END, coalesce(epoch, 0), coalesce(number, 0), body
                FROM old_record LEFT JOIN old_lease
                    ON run = old_record.id
                    AND epoch = (SELECT max(latest.epoch) FROM old_lease AS latest WHERE latest.run = old_record.id)
                ORDER BY old_record.rowid
            """,
            """
            INSERT INTO past SELECT record.key, old_lease.epoch, old_lease.number
                FROM old_lease JOIN record ON record.id = run AND old_lease.epoch < record.epoch
            """,
            """
            INSERT INTO journal SELECT cursor, record.key, 0, 0, facts
                FROM old_journal JOIN record ON record.id = run WHERE facts IS NOT NULL ORDER BY cursor
            """,
            "UPDATE forgotten SET cursor = (SELECT coalesce(max(cursor), 0) FROM old_journal)",
            "DROP TABLE old_journal",
            "DROP TABLE old_lease",
            "DROP TABLE old_record",
        ),
    ),
}

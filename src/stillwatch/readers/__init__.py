"""Readers: request logs of any known format, turned into `schema.REQUESTS`.

`open_log` finds the files and their formats; the `Log` it gives is iterated for `Batch` after
`Batch`. What cannot be read becomes a `Rejection` that names file, line, field and reason, and
`RejectionLimit` says when there are too many of them to go on. `read_accounts` reads the account
file.
"""

from stillwatch.readers.accounts import Accounts, read_accounts
from stillwatch.readers.log import Log, open_log, reader_named
from stillwatch.readers.reader import Batch, Reader
from stillwatch.readers.registry import READERS
from stillwatch.readers.rejections import Rejection, RejectionFile, RejectionLimit
from stillwatch.readers.sources import Source

__all__ = [
    "READERS",
    "Accounts",
    "Batch",
    "Log",
    "Reader",
    "Rejection",
    "RejectionFile",
    "RejectionLimit",
    "Source",
    "open_log",
    "read_accounts",
    "reader_named",
]

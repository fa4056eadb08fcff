"""Reads the file of tokens, which other users of the machine must not be able to read or to change.

It stands alone because the tokens themselves are pure.
"""

import os
import stat
from pathlib import Path

from .tokens import TokenError, Tokens, parse_tokens

_MAX_BYTES = 1_048_576


class TokenFileError(Exception):
    """The file of tokens cannot be used. The message is a sentence for the user, without any of the content."""


def read_tokens(path: Path) -> Tokens:
    """Return the tokens in a file. Raises TokenFileError.

    The file may be readable by its group, because containers mount secrets so; never by others, and only its owner may write it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
                mode = stat.S_IMODE(status.st_mode)
                raise TokenFileError(
                    f"the tokens in {path} are open to other users (mode {mode:04o}): allow only the owner, with chmod 600 {path}"
                )
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise TokenFileError(f"the tokens in {path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise TokenFileError(f"{path} is larger than a file of tokens can be")
    try:
        return parse_tokens(content.decode("utf-8-sig"))
    except UnicodeError:
        raise TokenFileError(f"{path} is not UTF-8 text") from None
    except TokenError as error:
        raise TokenFileError(f"{path}: {error}") from None

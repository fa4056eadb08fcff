"""Words that messages of all of the long loop share. The commands have words of their own, which nothing below may import."""


def with_noun(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not one.

    >>> with_noun(1, "row"), with_noun(0, "day")
    ('1 row', '0 days')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

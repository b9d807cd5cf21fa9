"""Text that must fit into a box."""


def fitted(text: str, most: int) -> str:
    """Shorten in the middle, where names differ least, to at most `most` characters."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"

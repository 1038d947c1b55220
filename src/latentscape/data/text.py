"""Text from files and file systems, which need not be UTF-8."""


def readable(text: str | bytes) -> str:
    r"""Return text that can be written as UTF-8; bytes that are none become ``\xe9`` and the like.

    Parameters
    ----------
    text : str or bytes
        Bytes; or a file's name, in which Python keeps bytes that are not UTF-8 as surrogates.

    Returns
    -------
    str
        Different texts stay different, unless one of them spells such a byte out.
    """
    return _encode(text).decode("utf-8", "backslashreplace")


def _encode(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which stands for no byte
        return text.encode("utf-8", "surrogatepass")

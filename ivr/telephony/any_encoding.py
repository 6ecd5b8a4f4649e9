"""Text that callers, trunks and phones send: whatever bytes come, they become text and never an exception."""


def decode_any(raw: bytes) -> str:
    """UTF-8, else GB18030 (what older Chinese switches send), else Latin-1; control bytes stay."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")

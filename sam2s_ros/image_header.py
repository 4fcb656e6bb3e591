"""The size of a JPEG or PNG image, read from its first bytes without decoding it."""

from __future__ import annotations

PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_START = b'\xff\xd8\xff'

# JPEG markers (ITU-T T.81, table B.1). Frame headers carry the size; C4, C8 and CC of that range are other tables.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01}
_START_OF_SCAN = 0xDA


def image_size(data: bytes) -> tuple[int, int] | None:
    """Return (height, width) in pixels, or None when the data does not begin like a JPEG or PNG image."""
    if data.startswith(PNG_SIGNATURE):
        return _png_size(data)
    if data.startswith(JPEG_START):
        return _jpeg_size(data)
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    # The header chunk must come first: 4 bytes length, its name, then width and height as big-endian 32-bit numbers.
    if len(data) < 24 or data[12:16] != b'IHDR':
        return None
    return int.from_bytes(data[20:24], 'big'), int.from_bytes(data[16:20], 'big')


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAME_HEADERS:
            return int.from_bytes(data[position + 5 : position + 7], 'big'), int.from_bytes(
                data[position + 7 : position + 9], 'big'
            )
        if marker == _START_OF_SCAN:
            return None
        if marker == 0xFF:  # a fill byte before the marker
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], 'big')
    return None

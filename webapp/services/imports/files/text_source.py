"""A text file as lines, whatever its packing and encoding: detected, bounded, never held whole."""

import gzip
import io
import os
import re
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charset_normalizer import CharsetMatch, from_bytes

from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.other_kinds import refuse_bytes

GZIP_MAGIC = b"\x1f\x8b"
BLOCK_BYTES = 1_000_000
MAX_LINE_LENGTH = 200_000
# A small file can unpack to one that never ends.
MAX_TIMES_PACKED = 200
UNPACKED_ALLOWANCE = 10_000_000
WINDOWS_1252 = "cp1252"
MARKS = {BOM_UTF8: "utf-8-sig", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
# Single-byte and East Asian encodings in which spreadsheets are still saved.
OTHER_ENCODINGS = [
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("mac_roman", "cp850", "cp866", "koi8_r", "shift_jis", "euc_kr", "big5", "gb18030"),
]
# With fewer letters outside ASCII, a guess between them would be chance.
MIN_BYTES_TO_GUESS = 8
# Quotes, dashes and the like, which most encodings of Windows have at the same place.
PUNCTUATION = bytes([0x80, 0x85, *range(0x91, 0x98)])
# Of Windows-1252, where other encodings have letters: Wroc\u00b3aw is Wroc\u0142aw.
SIGNS_IN_WORDS = re.compile(
    "(?<=[^\\W\\d_])[\u00b9\u00b3\u00bf\u00af\u00bc\u00be](?=[^\\W\\d_])"
    "|\\b[\u00a3\u00a5\u00af](?=[^\\W\\d_])"
)
CENTRAL_EUROPEAN = "cp1250"
# Half-width letters, which nobody writes a table in: Chinese is read so as Japanese.
HALVES = re.compile("[\uff61-\uff9f]")
MAX_SHARE_OF_HALVES = 0.2
MAX_SAMPLE_BYTES = 100_000
ASCII = bytes(range(128))
NAMES = {
    "utf-8-sig": "UTF-8",
    "mac_roman": "Mac Roman",
    "cp850": "DOS (CP850)",
    "koi8_r": "KOI8-R",
}


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file become text."""

    codec: str
    is_gzip: bool

    @property
    def name(self) -> str:
        if self.codec.startswith("cp125"):
            return f"Windows-{self.codec.removeprefix('cp')}"
        return NAMES.get(self.codec, self.codec.upper().replace("_", "-"))


def detect_encoding(path: Path) -> Encoding:
    """Find how a file is packed and encoded, by the whole of it.

    `ImportFileError` if it is damaged, unpacks to far too much, or is no text.
    """
    with path.open("rb") as raw:
        source = _Unpacked.of(raw)
        head = source.read(BLOCK_BYTES)
        refuse_bytes(head)
        codec = next((codec for mark, codec in MARKS.items() if head.startswith(mark)), None)
        codec = codec or _utf_16_without_mark(head) or _utf_8_or_other(source, head)
        return Encoding(codec, source.is_gzip)


@dataclass
class Lines:
    """The lines of an open file, and how far it is read."""

    source: "_Unpacked"
    encoding: Encoding
    number: int = 0

    @property
    def share_read(self) -> float:
        return self.source.share_read

    def __iter__(self) -> Iterator[str]:
        """Give each line with its ending; `ImportFileError` names the line that is no text."""
        text = io.TextIOWrapper(
            io.BufferedReader(self.source, BLOCK_BYTES),  # type: ignore[type-var]
            self.encoding.codec,
            newline="",
        )
        try:
            while line := text.readline(MAX_LINE_LENGTH):
                self.number += 1
                if len(line) == MAX_LINE_LENGTH:
                    raise ImportFileError.at(
                        self.number, f"is longer than {MAX_LINE_LENGTH:,} characters"
                    )
                yield line
        except UnicodeError:
            raise ImportFileError.at(
                self.number + 1, f"is not {self.encoding.name} text; save the file as CSV UTF-8"
            ) from None


def open_lines(raw: IO[bytes], encoding: Encoding) -> Lines:
    """Read an open file as lines."""
    return Lines(_Unpacked.of(raw), encoding)


class _Unpacked(io.RawIOBase):
    """The bytes of a file, unpacked where it is packed, up to a sane multiple of its size."""

    def __init__(self, raw: IO[bytes], stream: IO[bytes], *, is_gzip: bool) -> None:
        super().__init__()
        self.raw, self.stream, self.is_gzip = raw, stream, is_gzip
        self.n_bytes = os.fstat(raw.fileno()).st_size
        self.n_unpacked = 0

    @classmethod
    def of(cls, raw: IO[bytes]) -> "_Unpacked":
        is_gzip = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[assignment]
        return cls(raw, stream, is_gzip=is_gzip)

    @property
    def share_read(self) -> float:
        return min(self.raw.tell() / max(self.n_bytes, 1), 1.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def read(self, size: int = -1) -> bytes:
        try:
            piece = self.stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise ImportFileError.at(1, "the gzip file is damaged") from None
        self.n_unpacked += len(piece)
        if self.n_unpacked > MAX_TIMES_PACKED * self.n_bytes + UNPACKED_ALLOWANCE:
            raise ImportFileError.at(1, "the file unpacks to far more than a table would")
        return piece


def _utf_16_without_mark(head: bytes) -> str | None:
    """Tell UTF-16 by its empty halves: of text in Latin letters every second byte is zero."""
    even, odd = head[::2], head[1::2]
    if not odd or max(even.count(0), odd.count(0)) < 0.4 * len(odd):
        return None
    return "utf-16-be" if even.count(0) > odd.count(0) else "utf-16-le"


def _utf_8_or_other(source: _Unpacked, head: bytes) -> str:
    decoder, sample, piece = getincrementaldecoder("utf-8")(), bytearray(), head
    is_utf_8 = True
    while piece:
        if b"\0" in piece:
            raise ImportFileError.at(1, "this is not a table of text: export it as CSV or XLSX")
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            is_utf_8 = False
        if not is_utf_8:
            sample += _around_other_bytes(piece)
            if len(sample) > BLOCK_BYTES:
                break
        piece = source.read(BLOCK_BYTES)
    return "utf-8-sig" if is_utf_8 else _guess(bytes(sample))


def _around_other_bytes(piece: bytes) -> bytes:
    """Keep the lines that hold something else than ASCII: only these tell encodings apart."""
    return b"\n".join(line for line in piece.splitlines() if not line.isascii())[:BLOCK_BYTES]


def _is_halves(match: CharsetMatch, sample: bytes) -> bool:
    n_letters = len(sample.translate(None, ASCII))
    return len(HALVES.findall(str(match))) > MAX_SHARE_OF_HALVES * n_letters


def _guess(sample: bytes) -> str:
    """Windows-1252, unless another encoding makes clearly less of a mess of enough letters."""
    sample = sample[:MAX_SAMPLE_BYTES]
    text = sample.decode(WINDOWS_1252, errors="replace")
    is_text = "\ufffd" not in text
    if is_text and len(sample.translate(None, ASCII + PUNCTUATION)) < MIN_BYTES_TO_GUESS:
        return WINDOWS_1252
    found = from_bytes(sample, cp_isolation=OTHER_ENCODINGS, threshold=0.5)
    mess = {m.encoding: (m.chaos, -m.coherence) for m in found if not _is_halves(m, sample)}
    if not mess:
        return WINDOWS_1252
    best = min(mess, key=mess.__getitem__)
    if WINDOWS_1252 not in mess or mess[WINDOWS_1252][0] > mess[best][0]:
        return best
    is_central = CENTRAL_EUROPEAN in mess and SIGNS_IN_WORDS.search(text)
    return CENTRAL_EUROPEAN if is_central else WINDOWS_1252

"""Just enough of the ELF format to read the size of a section of a cubin, without NVIDIA's tools.

Source: Tool Interface Standard, Executable and Linking Format, version 1.2; a cubin is 64-bit and little-endian.
"""

import struct

_HEADER_SECTIONS = struct.Struct("<Q")  # at 0x28: e_shoff
_HEADER_COUNTS = struct.Struct("<HHH")  # at 0x3A: e_shentsize, e_shnum, e_shstrndx
_SECTION = struct.Struct("<IIQQQQIIQQ")  # sh_name, type, flags, addr, offset, size, link, info, addralign, entsize


def section_sizes(code: bytes) -> dict[str, int]:
    """Size in bytes of every section, by name. Raises ValueError if this is not a cubin."""
    if code[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"code: expected a 64-bit little-endian ELF file, got one that begins with {code[:6]!r}")
    (start,) = _HEADER_SECTIONS.unpack_from(code, 0x28)
    size, count, names = _HEADER_COUNTS.unpack_from(code, 0x3A)
    sections = [_SECTION.unpack_from(code, start + number * size) for number in range(count)]
    texts = sections[names][4]

    def name(offset: int) -> str:
        return code[texts + offset : code.index(b"\0", texts + offset)].decode()

    return {name(section[0]): section[5] for section in sections}


def section_size(code: bytes, name: str) -> int:
    """Size in bytes of one section; 0 if there is none."""
    return section_sizes(code).get(name, 0)

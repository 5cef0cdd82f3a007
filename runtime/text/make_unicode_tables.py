#!/usr/bin/env python3
"""Writes unicode_tables.h: how Hugging Face's BERT tokenizers see Unicode.

Where the facts come from: each is asked, code point by code point, of the PyPI package `tokenizers` (0.23.3) itself, whose
tables mix several Unicode versions: old general categories and combining classes, new case pairs.  Categories are
written whole, so that they don't depend on the utf8proc at hand.  Decompositions, combining classes and case pairs
never change once a character has them, so only two lists are needed: what is too new for tokenizers to decompose or to
reorder (found with the PyPI package `unicodedata2`), and case pairs that are newer than Unicode 14 (utf8proc 2.7).

    pip install tokenizers==0.23.3 unicodedata2; python3.11 make_unicode_tables.py > unicode_tables.h
"""
import unicodedata

import unicodedata2
from tokenizers import normalizers, pre_tokenizers

assert unicodedata.unidata_version == "14.0.0"  # Python 3.11


def bert(**on):
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**options, **on}).normalize_str


clean, cjk, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
nfd, lower = normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
code_points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def pieces(c):
    return [word for word, _ in split("x" + chr(c) + "x")]


def is_inert(c):
    """Has a decomposition or combining class in today's Unicode, and none for tokenizers."""
    ch = chr(c)
    moves = nfd("a" + ch + "\u0334") != "a" + ch + "\u0334" or nfd("a\u0300" + ch) != "a\u0300" + ch
    if unicodedata2.combining(ch):
        return not moves
    return nfd(ch) == ch and unicodedata2.normalize("NFD", ch) != ch


def ranges(members):
    found = []
    for c in members:
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def table(name, what, members):
    print(f"\n/* {what} */\nstatic const CodeRange {name}[] = {{")
    line = "   "
    for first, last in ranges(members):
        item = f" {{ 0x{first:X}, 0x{last:X} }},"
        if len(line + item) > 118:
            print(line)
            line = "   "
        line += item
    print(line + "\n};")


print("/* Made by make_unicode_tables.py, which says where these facts come from; read by unicode.c. */")
table("removed_ranges", "Dropped by cleaning: control, format and private-use characters, U+FFFD.",
      [c for c in code_points if clean(chr(c)) == ""])
table("space_ranges", "White space, also where cleaning drops it first.", [c for c in code_points if pieces(c) == ["x", "x"]])
table("punct_ranges", "Punctuation: a word of its own.", [c for c in code_points if len(pieces(c)) == 3])
table("cjk_ranges", "Ideographs: set apart by spaces.", [c for c in code_points if cjk(chr(c)) != chr(c)])
table("accent_ranges", "Nonspacing marks: dropped after decomposition.",
      [c for c in code_points if nfd(chr(c)) == chr(c) and strip(chr(c)) == ""])
table("inert_ranges", "Too new to decompose, or to be reordered as a mark.", [c for c in code_points if is_inert(c)])

print("\n/* Letters newer than Unicode 14, and how far it is to their lower case. */\nstatic const CaseRange case_ranges[] = {")
merged = []
for c in code_points:
    small = lower(chr(c))
    if small == chr(c) or unicodedata.category(chr(c)) != "Cn":
        continue
    delta = ord(small) - c
    if merged and merged[-1][1:] == [c - 1, delta]:
        merged[-1][1] = c
    else:
        merged.append([c, c, delta])
for first, last, delta in merged:
    print(f"    {{ 0x{first:X}, 0x{last:X}, {delta} }},")
print("};")

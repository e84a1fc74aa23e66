#!/usr/bin/env python3
"""Makes report.cff and glyphs.txt: the glyphs that the monthly report's own words need, out of Noto Sans CJK JP.

Usage: subset.py NotoSansCJK-Regular.ttc WORDS OUT
WORDS is a text file with each letter that is wanted (`go test -run TestFontHasEachWord ./provisioning/report` says which are missing);
printable ASCII and the ellipsis come by themselves. Wants fontTools. The font is under the SIL Open Font License 1.1 (OFL.txt).
"""
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

source, words, out = sys.argv[1:]
letters = {c for c in open(words, encoding="utf-8").read() if c.isprintable()} | {chr(c) for c in range(32, 127)} | {"…"}
font = TTFont(source, fontNumber=0)  # Noto Sans CJK JP
options = subset.Options(layout_features=[], hinting=False, desubroutinize=True, notdef_outline=True, name_IDs=[0, 1, 13, 14])
s = subset.Subsetter(options)
s.populate(text="".join(sorted(letters)))
s.subset(font)
open(out + "/report.cff", "wb").write(font.getTableData("CFF "))
cmap, widths = font.getBestCmap(), font["hmtx"]
with open(out + "/glyphs.txt", "w", encoding="utf-8") as f:
    for code in sorted(cmap):
        name = cmap[code]  # cid00042: what a CID-keyed font calls its glyphs
        f.write(f"{code:04X} {int(name[3:])} {widths[name][0]}\n")
missing = sorted(letters - {chr(c) for c in cmap})
if missing:
    sys.exit("the font has no " + " ".join(missing))

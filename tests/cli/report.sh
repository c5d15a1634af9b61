#!/bin/bash
# SPDX-License-Identifier: MIT
# simclr report: one page that holds all it needs, of runs with and without labels, of names that are markup.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run
tiny "$run"
check_exit "train" 0 $?

# look PAGE IMAGES CLASSES: what a browser would find.
look()
{
    have python3 || return 0
    python3 - "$@" > "$scratch/look" 2>&1 << 'EOF' || { fail "the page $1"; tail -3 "$scratch/look"; }
import base64, html.parser, json, struct, sys
page, count, classes = open(sys.argv[1], encoding="utf-8").read(), int(sys.argv[2]), int(sys.argv[3])

class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.pictures, self.data, self.inside = [], {}, "", False
    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.tags.append(tag)
        assert not any(name.startswith("on") for name in a), a
        self.inside = a.get("id") == "data"
        for address in (a.get("src"), a.get("href")):
            assert address is None or address.startswith("data:"), address
        if tag == "img":
            self.pictures[a["id"]] = base64.b64decode(a["src"].split(",")[1], validate=True)
    def handle_data(self, text):
        self.data += text if self.inside else ""

reader = Reader()
reader.feed(page)
assert reader.tags.count("script") == 2 and reader.tags.count("style") == 1, reader.tags
assert sorted(reader.pictures) == ["sheet", "sprite"], reader.pictures.keys()
data = json.loads(reader.data)
images, columns = data["images"], data["columns"]
assert len(data["classes"]) == classes, data["classes"]
for key in "x", "y", "name", "label", "near", "similarity":
    assert len(images[key]) == count, (key, len(images[key]))
places = images["x"] + images["y"]
assert min(places) >= 0 and max(places) <= 1 and max(places) - min(places) > 0.9
for i, (near, similar) in enumerate(zip(images["near"], images["similarity"])):
    assert len(near) == min(8, count - 1) and i not in near and len(set(near)) == len(near)
    assert similar == sorted(similar, reverse=True) and similar[0] <= 1
width, height = struct.unpack(">II", reader.pictures["sprite"][16:24])
assert width == height == columns * data["thumb"] and columns ** 2 >= count > (columns - 1) ** 2
assert max(images["label"]) == classes - 1, set(images["label"])
print(json.dumps(data))
EOF
}

expect 0 "$run/report.html: open it" "$SIMCLR" report "$run"
look "$run/report.html" 100 10
if [ -s "$scratch/look" ]; then
    for what in '"loss": {"x"' '"knn_top1": ' '"raw_pixels_top1": ' '"settings": "# simclr conf' '"state", "finished"' \
        '"loss_ceiling": 3.43' '100 of 100 images, test of shapes'; do
        grep -qF -- "$what" "$scratch/look" || fail "the page lacks $what"
    done
fi
expect 0 "" "$SIMCLR" report "$run" -o "$scratch/again.html" threads=1

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

says() # WHAT: the data of the page that was looked at last
{
    [ ! -s "$scratch/look" ] || grep -qF -- "$1" "$scratch/look" || fail "the page lacks $1"
}

expect 0 "$run/report.html: open it" "$SIMCLR" report "$run"
look "$run/report.html" 21 10
for what in '"loss": {"x"' '"knn_top1": ' '"raw_pixels_top1": ' '"settings": "# simclr conf' '"state", "finished"' \
    '"loss_ceiling": 3.43' '"21 of 21 images, test of shapes:128"' '"skipped_count": 0'; do
    says "$what"
done
expect 0 "" "$SIMCLR" report "$run" -o "$scratch/again.html"
cmp "$run/report.html" "$scratch/again.html" || fail "the same report twice differs"
expect 0 "" "$SIMCLR" report "$run" shapes:60 --split all --images 50 -o "$scratch/some.html"
look "$scratch/some.html" 50 10
says '"50 of 70 images, all of shapes:60"'

# Pictures of a folder without classes, one of them damaged, names that would be markup.
folder="$scratch/pictures"
for n in 1 2 3 4 5 6; do
    "$SIMCLR" views shapes:60 -q -n 1 train.seed=$n -o "$scratch/$n.png" > "$scratch/out"
done
mkdir "$folder"
cp "$scratch"/[1-5].png "$folder"
cp "$scratch/6.png" "$folder/<img src=x onerror=alert(1)>.png"
cp "$scratch/5.png" "$folder/$(printf 'not\377UTF-8').png"
head -c 100 "$scratch/1.png" > "$folder/damaged.png"
tiny "$scratch/plain" "$folder" batch=4 data.image_size=32 steps=2 epochs=2 data.max_bad=0.5
check_exit "train on a folder without classes" 0 $?
expect 0 "" "$SIMCLR" report "$scratch/plain" -o "$scratch/plain.html"
look "$scratch/plain.html" 7 0
says 'onerror=alert'
says 'damaged.png'
grep -qF '<img src=x' "$scratch/plain.html" && fail "a name is markup"

# While it trains, and before the first step; what cannot be.
cp -a "$run" "$scratch/early"
rm "$scratch/early/metrics.jsonl" "$scratch/early/STATUS.json" "$scratch/early/skipped.tsv"
expect 0 "" "$SIMCLR" report "$scratch/early"
look "$scratch/early/report.html" 21 10
says '"curves": {}'
expect 2 "--images" "$SIMCLR" report "$run" --images 1
expect 2 "--images" "$SIMCLR" report "$run" --images 5001
expect 3 "$scratch/none" "$SIMCLR" report "$scratch/none"
expect 3 "unlabeled" "$SIMCLR" report "$run" shapes:60 --split unlabeled
expect 4 "$scratch/none/page.html" "$SIMCLR" report "$run" -o "$scratch/none/page.html"
mkdir "$scratch/one"
cp "$scratch/1.png" "$scratch/one"
expect 3 "1 image; a map needs two" "$SIMCLR" report "$run" "$scratch/one"
finish

#!/bin/bash
# SPDX-License-Identifier: MIT
# simclr search: neighbours, duplicates and outliers as text, JSON and picture; what is kept in the run; bad input.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run
photos=$scratch/photos

is_png()
{
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$1 is not a PNG"
}

# keys KEY...: stdout is one JSON object with these keys
keys()
{
    if have python3; then
        python3 -m json.tool "$scratch/out" > /dev/null || fail "not JSON: $(cat "$scratch/out")"
    fi
    [ "$(wc -l < "$scratch/out")" -eq 1 ] || fail "not one line of JSON"
    for key in "$@"; do
        grep -q "\"$key\": " "$scratch/out" || { fail "no \"$key\" in:"; cat "$scratch/out"; }
    done
}

# refuse EXIT FRAGMENT ARGUMENTS...: one error, nothing on stdout, nothing embedded
refuse()
{
    local code=$1 fragment=$2
    shift 2
    expect "$code" "$fragment" "$SIMCLR" search "$@"
    one_error "$fragment"
    [ -s "$scratch/out" ] && fail "search $*: wrote to stdout"
    [ -e "$run/index" ] && fail "search $*: embedded images first"
}

tiny "$run" steps=2 data.image_size=32
check_exit "2 steps" 0 $?
before=$(hashes "$run")
mkdir -p "$photos/a" "$photos/b"
for n in 1 2 3 4; do # contact sheets serve as images
    "$SIMCLR" views shapes:60 -q -n $n train.seed=$n -o "$photos/a/a$n.png" > "$scratch/out"
    "$SIMCLR" views shapes:60 -q -n $n train.seed=9$n -o "$photos/b/b$n.png" > "$scratch/out"
done
cp "$photos/a/a2.png" "$photos/b/twin.png"
search="$SIMCLR search $run --data $photos"

# Bad input ends before any image is embedded.
refuse 2 "nothing to look for" "$run"
refuse 2 "too few arguments"
refuse 2 "one question at a time" "$run" x.png --outliers
refuse 2 "one question at a time" "$run" --duplicates --outliers
refuse 2 "--threshold: goes with --duplicates" "$run" x.png --threshold 0.9
refuse 2 "--threshold '1.5': expected" "$run" --duplicates --threshold 1.5
refuse 2 "--threshold '0': expected" "$run" --duplicates --threshold 0
refuse 2 "--threshold '0.9x': expected" "$run" --duplicates --threshold 0.9x
refuse 2 "--threshold 'nan': expected" "$run" --duplicates --threshold nan
refuse 2 "--neighbours: '0' is not" "$run" x.png -k 0
refuse 2 "-k, --neighbours: a group" "$run" --duplicates -k 3
refuse 2 "-n, --count: goes with --outliers" "$run" x.png -n 3
refuse 2 "optim.lr: the run's own" "$run" --outliers lr=1
refuse 2 "did you mean '--outliers'" "$run" --outlier
refuse 3 "nowhere.png: no such file, and no image of" "$run" "$photos/a/a1.png" nowhere.png
refuse 3 "config.yaml: not an image" "$run" "$run/config.yaml"
head -c 200 "$photos/a/a1.png" > "$scratch/cut.png"
refuse 3 "cut.png" "$run" "$scratch/cut.png"
mkdir "$scratch/empty"
refuse 3 "$scratch/empty: no images found" "$run" "$scratch/empty"
refuse 3 "/nonexistent: no such file" "$run" --outliers --data /nonexistent
refuse 3 "no \"unlabeled\" split" "$run" --outliers --data "$photos" --split unlabeled
refuse 3 "$scratch/nowhere: not a run" "$scratch/nowhere" --outliers

# Neighbours: a file of the set is first, its copy next; the second search reads what the first has kept.
expect 0 "   1  1.0000  a  $photos/a/a2.png" $search "$photos/a/a2.png" -v
grep -q "embedding  9/9 images" "$scratch/err" || fail "the first search embedded nothing"
[ "$(head -1 "$scratch/out")" = "$photos/a/a2.png" ] || fail "the query is not the first line"
grep -q "^   2  1.0000  b  $photos/b/twin.png$" "$scratch/out" || fail "the copy is not the second"
[ "$(wc -l < "$scratch/out")" -eq 10 ] || fail "not all nine images of ten wanted"
cp "$scratch/out" "$scratch/first"
expect 0 "" $search "$photos/a/a2.png" -v
grep -q embedding "$scratch/err" && fail "the second search embedded the images again"
cmp "$scratch/first" "$scratch/out" || fail "kept features give another answer"
expect 0 "" $search "$photos/a/a2.png" -v --fresh
grep -q "embedding  9/9 images" "$scratch/err" || fail "--fresh reads what was kept"
cmp "$scratch/first" "$scratch/out" || fail "fresh features give another answer"
expect 0 "shape-5" "$SIMCLR" search "$run" shape-5 -k 1
expect 0 "   1  1.0000" "$SIMCLR" search "$run" "$photos/a/a2.png" -k 1 --split all --data "$photos" threads=1

# Several queries, a directory among them; JSON and the picture.
expect 0 '"k": 2, "queries": [{"query": ' $search "$photos/b/b1.png" "$photos/a" -k 2 --json --sheet "$scratch/q.png"
keys run checkpoint images skipped k queries query neighbours path similarity label
[ "$(grep -o '"query": ' "$scratch/out" | wc -l)" -eq 5 ] || fail "not 1 + 4 queries"
[ "$(grep -o '"path": ' "$scratch/out" | wc -l)" -eq 10 ] || fail "not two neighbours of each"
is_png "$scratch/q.png"
expect 0 "$scratch/q.png: what was found" $search "$photos/a/a1.png" --sheet "$scratch/q.png"
expect 4 "/proc/nowhere/q.png" $search "$photos/a/a1.png" --sheet /proc/nowhere/q.png

# Duplicates.
expect 0 "1 group, 2 of 9 images, at a similarity of 1 or more" $search --duplicates --threshold 1
grep -q "^   2  1.0000  b  $photos/b/twin.png$" "$scratch/out" || fail "the copy is not in the group"
expect 0 '"threshold": 1, "groups": [[{"path": ' $search --duplicates --threshold 1 --json --sheet "$scratch/d.png"
keys run checkpoint images groups similarity
is_png "$scratch/d.png"
expect 0 "9 of 9 images" $search --duplicates --threshold 0.0001
rm "$photos/b/twin.png"
expect 0 "$scratch/none.png: not written" $search --duplicates --threshold 1 --sheet "$scratch/none.png"
[ -e "$scratch/none.png" ] && fail "a picture of no groups"

# Outliers: one image among copies of another.
mkdir "$scratch/alike"
for n in 1 2 3 4; do
    cp "$photos/a/a2.png" "$scratch/alike/$n.png"
done
cp "$photos/b/b1.png" "$scratch/alike/3.png"
alike="$SIMCLR search $run --data $scratch/alike --outliers"
expect 0 "mean distance (1 - cosine) to the 2 nearest of 4 images" $alike -k 2
sed -n 2p "$scratch/out" | grep -q "^   1  0[.][0-9]*  $scratch/alike/3.png$" || fail "not the odd one: $(cat "$scratch/out")"
[ "$(sed 1,2d "$scratch/out" | grep -c "0[.]0000  $scratch/alike/")" -eq 3 ] || fail "the alike are not at distance 0"
expect 0 '"k": 3, "outliers": [{"path": ' $alike -n 1 --json --sheet "$scratch/o.png"
keys outliers distance
[ "$(grep -o '"path": ' "$scratch/out" | wc -l)" -eq 1 ] || fail "-n 1 does not hold"
is_png "$scratch/o.png"

# Names of any bytes.
odd="$photos/a/an"$'\n'"ant"$'\377\033'"[31m.png"
cp "$photos/a/a1.png" "$odd"
expect 0 'an\x0aant\xff\x1b[31m.png' $search "$odd"
[ "$(wc -l < "$scratch/out")" -eq 10 ] || fail "a name breaks the table"
expect 0 'an\u000aant\udcff\u001b[31m.png' $search "$odd" --json
keys queries

# An image that cannot be read is passed over, as a query of a directory too.
echo "no picture" > "$photos/a/bad.png"
expect 0 "1 of 10 images cannot be read and are not searched" $search --outliers
expect 0 "unreadable images among the queries: 1" $search "$photos/a" -k 1

# What cannot be kept is a warning, a damaged file is made anew.
kept=$(ls -t "$run"/index/* | head -1)
printf 'damage' | dd of="$kept" bs=1 conv=notrunc status=none seek=$(($(stat -c %s "$kept") - 100))
expect 0 "made anew" $search "$photos/a/a1.png"
grep -q "^warning: $kept: damaged" "$scratch/err" || fail "the damaged file is not named"
expect 0 "2 tensors" "$SIMCLR" inspect "$kept"
rm -r "$run/index"
: > "$run/index"
expect 0 "   1  1.0000" $search "$photos/a/a1.png"
grep -q "^warning: $run/index.*not kept" "$scratch/err" || fail "no warning that nothing is kept"
rm "$run/index"

# Two at once; what a killed one left is removed.
mkdir "$run/index"
: > "$run/index/.tmp-999999999-0"
for n in 1 2 3; do
    $search "$photos/a/a1.png" --fresh > "$scratch/out$n" 2> "$scratch/err$n" &
done
wait
for n in 1 2 3; do
    cmp -s "$scratch/out1" "$scratch/out$n" || fail "searches at once differ"
    grep -q "not kept" "$scratch/err$n" && fail "searches at once disturb each other"
done
expect 0 "" $search "$photos/a/a1.png" -v
grep -q "embedding" "$scratch/err" && fail "nothing valid is left of searches at once"
[ "$(find "$run/index" -type f | wc -l)" -eq 1 ] || fail "leftovers in index/: $(ls -A "$run/index")"
[ "$before" = "$(hashes "$run")" ] || fail "searching changed the run"
finish

#!/bin/bash
# SPDX-License-Identifier: MIT
# shared/data/odd-images: every picture is either read or listed with a reason; nothing else happens.
. "$(dirname "$0")/common_train.sh"
odd=${SHARED:-/nonexistent}/odd-images
[ -f "$odd/MANIFEST.tsv" ] || skip "no odd-images in SHARED=${SHARED:-}"
tab=$(printf '\t')

"$SIMCLR" data verify "folder:$odd" data.max_bad=1 > "$scratch/verify" 2> "$scratch/err"
check_exit "data verify" 0 $?
[ -s "$scratch/err" ] && { fail "data verify: text on stderr"; head -3 "$scratch/err"; }
sed 1d "$scratch/verify" | grep -v "$tab..*" > "$scratch/odd" && fail "lines without a reason"
images=$(sed -n '1s/.*, \([0-9]*\) images.*/\1/p' "$scratch/verify")
listed=$(sed 1d "$scratch/verify" | wc -l)
files=$(sed 1d "$odd/MANIFEST.tsv" | wc -l)
echo "$files files: $images read, $listed skipped"
[ $((images + listed)) -eq "$files" ] || fail "$images read + $listed skipped is not $files"

tiny "$scratch/run" "folder:$odd" data.max_bad=1 epochs=1 steps=2 batch=64 data.image_size=32
check_exit "training on odd images" 0 $?
head -1 "$scratch/run/skipped.tsv" | grep -q "^file${tab}reason$" || fail "head of skipped.tsv"
diff <(sed 1d "$scratch/verify" | sort) <(sed 1d "$scratch/run/skipped.tsv" | sort) ||
    fail "skipped.tsv is not the list of data verify"
for path in $(sed 1d "$scratch/run/skipped.tsv" | cut -f1); do
    grep -qF "${path#"$odd"/}$tab" "$odd/MANIFEST.tsv" || fail "skipped.tsv: $path is not a file of it"
done
[ -z "$(sed 1d "$scratch/run/skipped.tsv" | cut -f1 | sort | uniq -d)" ] || fail "listed twice"

# Every picture that Pillow reads and that is not damaged is read, or refused for its coding.
sed 1d "$odd/MANIFEST.tsv" | grep -v "^damaged/" | grep -v "${tab}error$" | cut -f1 |
    while read -r file; do
        grep -F "$file$tab" "$scratch/verify"
    done > "$scratch/lost"
[ -s "$scratch/lost" ] && { fail "valid pictures refused:"; cat "$scratch/lost"; }

# The default share of bad ones stops the run, with numbers and the way on.
tiny "$scratch/strict" "folder:$odd"
check_exit "data.max_bad" 3 $?
one_error "max_bad"
finish

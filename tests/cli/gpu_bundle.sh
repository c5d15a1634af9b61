#!/bin/bash
# SPDX-License-Identifier: MIT
# bench/gpu_bundle: a folder that needs the C library alone of the machine it is carried to.
# label: slow
. "$(dirname "$0")/common_config.sh"
bundle=$(cd "$(dirname "$0")/../../bench" && pwd)/gpu_bundle
build=$(cd "$(dirname "$SIMCLR")" && pwd)
[ -e "$build/libsimclr_cuda.so" ] || { echo "SKIPPED: no plug-in for GPUs in this build"; exit 77; }

there=$scratch/there
expect 2 "a folder with all that bench/gpu needs" "$bundle"
expect 2 "no $scratch/simclr; ./bootstrap build makes it" "$bundle" "$there" "$scratch"
expect 0 "$there, " "$bundle" "$there" "$build"
expect 2 "$there is there already" "$bundle" "$there" "$build"

# Nothing of this machine's but the C library, and no variables.
for part in simclr.bin tests/kernelcheck_gpu; do
    foreign=$(LD_LIBRARY_PATH=$there/build/lib ldd "$there/build/$part" | awk '$2 == "=>" { print $1, $3 }' |
        grep -v " $there/" | grep -vE '^lib[cm]\.so\.6 |^linux-vdso')
    [ -z "$foreign" ] || { echo "FAILED: $part needs $foreign"; failures=$((failures + 1)); }
done
expect 0 "$("$SIMCLR" --version)" env -i PATH="$PATH" "$there/build/simclr" --version
expect 0 "usage: gpu" env -i PATH="$PATH" python3 "$there/bench/gpu" --help

# The plug-in is the one beside the program: it says why it is not used, and is missed when it is gone.
why=$("$SIMCLR" doctor | grep '^gpu: ')
expect 0 "$why" env -i PATH="$PATH" "$there/build/simclr" doctor
rm "$there/build/libsimclr_cuda.so"
env -i PATH="$PATH" "$there/build/simclr" doctor > "$scratch/out"
if grep -qF -- "$why" "$scratch/out"; then
    echo "FAILED: without the bundle's plug-in, still '$why'"
    failures=$((failures + 1))
fi
finish

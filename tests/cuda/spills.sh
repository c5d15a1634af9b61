#!/bin/bash
# SPDX-License-Identifier: MIT
# spills.sh BUILD: registers and shared memory of every kernel for every architecture, from ptxas, as
# BUILD/cuda-resources.txt; no kernel may keep in memory more than 8
# bytes of what did not fit into registers.
set -eu
build=$1
out=$build/cuda-resources.txt
ls "$build"/cuda/*.ptxas >/dev/null 2>&1 || { echo "SKIPPED: this build has no kernels for GPUs"; exit 77; }
demangle=$(command -v c++filt || echo cat)
cat "$build"/cuda/*.ptxas | awk '
    function quoted(text) { sub(/^[^\047]*\047/, "", text); sub(/\047.*/, "", text); return text }
    function number(pattern) { return match($0, "[0-9]+ " pattern) ? substr($0, RSTART) + 0 : 0 }
    /Compiling entry function/ {
        kernel = quoted($0); arch = $0; sub(/.* for /, "", arch); arch = quoted(arch)
        stack = stores = loads = 0
    }
    /bytes stack frame/ {
        stack += number("bytes stack"); stores += number("bytes spill stores")
        loads += number("bytes spill loads")
    }
    /Used [0-9]+ registers/ {
        printf "%-7s %9d %9d %6d %7d %6d  %s\n", arch, number("registers"), number("bytes smem"),
            stack, stores, loads, kernel
    }' | sort -k7,7 -k1,1V | "$demangle" |
    { echo "arch    registers    shared  stack  stores  loads  kernel (bytes, but registers)"; cat; } >"$out"
kernels=$(($(wc -l <"$out") - 1))
[ "$kernels" -gt 0 ] || { echo "FAILED: no kernel in the reports of ptxas"; exit 1; }
# ptxas now and then spills one or two registers of a kernel that has many free ones; more is ours.
spilling=$(awk 'NR > 1 && ($5 > 8 || $6 > 8)' "$out")
awk 'NR > 1 && $5 + $6 > 0' "$out" | sed 's/^/spills a little: /'
echo "$kernels kernels times architectures, most registers: $(awk 'NR > 1 && $2 > m { m = $2 } END { print m }' "$out")"
echo "$(awk 'NR > 1 && $4 > 0 { n++ } END { print n + 0 }' "$out") keep an array or a spilled register in memory (stack)"
[ -z "$spilling" ] || { echo "FAILED: these spill:"; echo "$spilling"; exit 1; }

#!/bin/bash
# SPDX-License-Identifier: MIT
# without_cudnn.sh BUILD: kernelcheck_gpu prints how many convolutions ran without cuDNN, and fails where that
# is all of them.  Seen on the emulated device, which notes what it is told to.
set -eu
harness=$1/tests/faked_kernels
export SIMCLR_CUDA=$1/tests/libplugin_on_cpu.so
[ -x "$harness" ] || { echo "SKIPPED: this build has no faked_kernels"; exit 77; }

# expect STATUS NOTE
expect() {
    status=0
    text=$(SIMCLR_TEST_NOTE=$2 "$harness" --op add 2>&1) || status=$?
    [ "$status" = "$1" ] || { echo "FAILED: exit status $status, not $1, of '$2': $text"; exit 1; }
    grep -qxF "$2" <<<"$text" || { echo "FAILED: '$2' is not printed: $text"; exit 1; }
}
expect 0 "2 of 3 convolutions without cuDNN, slowly: no engine is proposed"
expect 1 "3 of 3 convolutions without cuDNN, slowly: no engine is proposed; steps are queued kernel by kernel: off"
expect 0 "steps are queued kernel by kernel: off"

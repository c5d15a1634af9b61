#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk that fills up: exit 4 and a message that says so, the last checkpoint whole; with more room
# the same command finishes at the bytes of a run that never lacked any.
. "$(dirname "$0")/common_train.sh"
[ "$(id -u)" -eq 0 ] || skip "mounting a small disk needs root"
disk=$scratch/disk
mkdir "$disk"
mount -t tmpfs -o size=7m tmpfs "$disk" 2> "$scratch/mount" || skip "$(cat "$scratch/mount")"
trap 'umount "$disk"; rm -rf "$scratch"' EXIT

settings="train.checkpoint_steps=4 train.keep=0"
tiny "$scratch/whole" $settings
check_exit "with room" 0 $?

tiny "$disk/run" $settings
check_exit "7 MB" 4 $?
one_error "disk full"
df -k "$disk" | tail -1
ls "$disk/run/checkpoints"
verified "$disk/run"
ls -a "$disk/run/checkpoints" | grep -q '^\.tmp' && fail "a temporary file is left"

# Nothing is freed: fails again, harms nothing.
tiny "$disk/run" $settings
check_exit "7 MB again" 4 $?
one_error "disk full"
verified "$disk/run"

mount -o remount,size=64m "$disk" || fail "remount"
tiny "$disk/run" $settings
check_exit "64 MB" 0 $?
same_state "after enlarging" "$disk/run" "$scratch/whole"
same_metrics "after enlarging" "$disk/run" "$scratch/whole"
verified "$disk/run"

# Other outputs on a full disk.
mount -o remount,size=8m "$disk" 2> /dev/null
head -c 64m /dev/zero > "$disk/filler" 2> /dev/null
for command in "export $scratch/whole -o $disk/model.safetensors" \
    "export $scratch/whole -o $disk/model.pth" "export $scratch/whole -o $disk/model.onnx" \
    "embed $scratch/whole -o $disk/features.npy" "views shapes -o $disk/views.png" \
    "report $scratch/whole -o $disk/report.html"; do
    "$SIMCLR" $command > "$scratch/out" 2> "$scratch/err"
    check_exit "$command" 4 $?
    one_error "disk full"
done
[ -z "$(find "$disk" -maxdepth 1 -type f ! -name filler)" ] || fail "a part of a file is left"

# A disk that a run fits on, with half a mebibyte to spare, is not called full.
rm -rf "${disk:?}"/*
tiny "$scratch/short" steps=4
check_exit "4 steps with room" 0 $?
mount -o remount,size=$(($(du -sk "$scratch/short" | cut -f1) + 512))k "$disk" || fail "remount"
tiny "$disk/short" steps=4
check_exit "4 steps on a disk that they fit on" 0 $?
same_state "a disk that 4 steps fit on" "$disk/short" "$scratch/short"
finish

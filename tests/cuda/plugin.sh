#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154
# plugin.sh BUILD: libsimclr_cuda.so as it is built: what it exports and needs, where the program finds it,
# and what doctor says of it, with and without a driver.
. "$(dirname "$0")/../cli/common_config.sh"
build=$1
plugin=$build/libsimclr_cuda.so
[ -e "$plugin" ] || { echo "SKIPPED: this build has no plug-in (no nvcc or no cuDNN)"; exit 77; }

wrong()
{
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# ---- the file ----
exported=$(nm -D --defined-only "$plugin" | awk '{ print $NF }' | tr '\n' ' ')
[ "$exported" = "simclr_device_plugin " ] || wrong "it exports $exported"
needed=$(readelf -d "$plugin" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
    case $library in
    libcudnn.so.9 | libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | ld-linux-*) ;;
    *) wrong "it needs $library" ;;
    esac
done
echo "$needed" | grep -qx libcudnn.so.9 || wrong "it does not need libcudnn.so.9"
! readelf -d "$plugin" | grep -qE 'RPATH|RUNPATH' || wrong "it has a path to libraries in it"

# ---- found, and not ----
expect 0 "cuDNN 9." "$SIMCLR" doctor
grep "^gpu: " "$scratch/out"
grep -q "^gpu: .*CUDA 1[2-9]" "$scratch/out" || wrong "doctor names no version of CUDA"
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/nvidia0 ]; then
    grep -q "^gpu: none: .*no driver" "$scratch/out" || wrong "doctor does not say that there is no driver"
fi
expect 0 "gpu: none: switched off by SIMCLR_CUDA" env SIMCLR_CUDA=off "$SIMCLR" doctor
mkdir -p "$scratch/bin" "$scratch/lib"
cp "$SIMCLR" "$scratch/bin/simclr"
if ! ldconfig -p 2>/dev/null | grep -q libsimclr_cuda; then
    expect 0 "gpu: none: libsimclr_cuda.so is not installed" "$scratch/bin/simclr" doctor
fi
cp "$plugin" "$scratch/lib/"
expect 0 "cuDNN 9." "$scratch/bin/simclr" doctor
echo "not a library" >"$scratch/bin/libsimclr_cuda.so" # nearer, and broken: told, not passed over
expect 0 "libsimclr_cuda.so: file too short" "$scratch/bin/simclr" doctor
expect 0 "cuDNN 9." env SIMCLR_CUDA="$plugin" "$scratch/bin/simclr" doctor

# ---- cuDNN where the system does not look: by name, and as pip puts it ----
cudnn=$(ldd "$plugin" | sed -n 's/.*libcudnn.so.9 => \(\/[^ ]*\).*/\1/p')
loader=$(readelf -l "$SIMCLR" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
if [ -n "$cudnn" ]; then
    cudnn=$(dirname "$(readlink -f "$cudnn")")
    ln -s "$cudnn" "$scratch/named"
    expect 0 "$scratch/named/libcudnn.so.9" env LD_DEBUG=files SIMCLR_CUDA_LIBS="/nonexistent:$scratch/named" \
        "$SIMCLR" doctor
    place=$scratch/venv/lib/python3.11/site-packages/nvidia/cudnn
    mkdir -p "$place"
    ln -s "$cudnn" "$place/lib"
    system=$(ldd "$SIMCLR" | sed -n 's/.*=> \(\/.*\)\/lib[^/]* (.*/\1/p' | sort -u | tr '\n' ':')
    if "$loader" --inhibit-cache --library-path "$system" "$SIMCLR" version >/dev/null 2>&1; then
        expect 0 "cuDNN 9." env VIRTUAL_ENV="$scratch/venv" HOME=/nonexistent \
            "$loader" --inhibit-cache --library-path "$system" "$SIMCLR" doctor
        expect 0 "$place/lib/libcudnn.so.9" env LD_DEBUG=files VIRTUAL_ENV="$scratch/venv" \
            "$loader" --inhibit-cache --library-path "$system" "$SIMCLR" doctor
    fi
fi
finish

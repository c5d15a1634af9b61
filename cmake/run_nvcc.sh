#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_nvcc.sh REPORT NVCC ARGUMENT...: runs it; what ptxas says of registers and spills goes to REPORT,
# everything else is shown.
report=$1
shift
log=$report.log
"$@" >"$log" 2>&1
status=$?
grep -E '^ptxas info|bytes stack frame' "$log" >"$report"
grep -vE '^ptxas info|bytes stack frame' "$log" >&2
rm -f "$log"
exit $status

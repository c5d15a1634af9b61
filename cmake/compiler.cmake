# SPDX-License-Identifier: MIT
#
# Flags of every target (simclr_flags), and the flags a source file gets from its name.

add_library(simclr_flags INTERFACE)
target_compile_options(simclr_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    -Wformat=2 -Werror=format-security -fno-common)
target_compile_definitions(simclr_flags INTERFACE
    _POSIX_C_SOURCE=200809L _XOPEN_SOURCE=700)
if(SIMCLR_WERROR)
    target_compile_options(simclr_flags INTERFACE -Werror)
endif()

if(SIMCLR_SANITIZE)
    target_compile_options(simclr_flags INTERFACE -fsanitize=${SIMCLR_SANITIZE}
        -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(simclr_flags INTERFACE -fsanitize=${SIMCLR_SANITIZE})
else()
    target_compile_options(simclr_flags INTERFACE -fstack-protector-strong)
    target_compile_definitions(simclr_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
    target_link_options(simclr_flags INTERFACE -Wl,-z,relro,-z,now)
endif()

# simclr_file_flags(FILE...): optimisation and instruction set by folder and name.
#   ref/     the specification: no fused multiply-add, so that every compiler gives the same bits
#   cpu/     loops do not set errno and do not trap, which lets the compiler vectorise them
# With sanitizers -O3 takes minutes a file, and -O2 has the same checks.  (-O1 saves as much in compiling as the
# tests then take longer.)  The reference, with which all is compared, would be most of what such tests
# take; what tables share with it is checked there.  Of the kernels, whose code is mostly addresses, three
# checks of UBSan are left out: a wrong address is seen by ASan where it is read, and they take a quarter
# of the time that these files take to compile.
function(simclr_file_flags)
    foreach(file IN LISTS ARGN)
        set(flags "")
        if(file MATCHES "/src/(backend|views|optim|loss|monitor)/" AND NOT SIMCLR_SANITIZE)
            list(APPEND flags $<$<CONFIG:Release>:-O3>)
        endif()
        if(file MATCHES "/src/backend/cpu/")
            list(APPEND flags -fno-math-errno -fno-trapping-math)
            if(SIMCLR_SANITIZE MATCHES "address")
                list(APPEND flags -fno-sanitize=null,object-size,pointer-overflow)
            endif()
        else()
            list(APPEND flags -ffp-contract=off)
        endif()
        if(SIMCLR_SANITIZE MATCHES "address" AND file MATCHES "/src/backend/ref/")
            list(APPEND flags -fno-sanitize=all)
        endif()
        if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
            if(file MATCHES "_amx[.]c$")
                list(APPEND flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mavx2 -mfma
                    -mamx-tile -mamx-bf16)
            elseif(file MATCHES "_avx512bf16[.]c$")
                list(APPEND flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mavx2 -mfma)
            elseif(file MATCHES "_avx512[.]c$")
                list(APPEND flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma)
            elseif(file MATCHES "_avx2[.]c$")
                list(APPEND flags -mavx2 -mfma)
            endif()
        endif()
        set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${flags}")
    endforeach()
endfunction()

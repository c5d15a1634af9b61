# SPDX-License-Identifier: MIT
#
# The CUDA kernels, compiled as C++ and run on the processor (tests/cuda/cuda_on_cpu.h): the library
# simclr_cuda_on_cpu, and tests of it against backend/ref.
#
# Not with libFuzzer, and with ThreadSanitizer for tests/long/races.sh alone (preset races): they do not
# follow jumps from stack to stack.
option(SIMCLR_CUDA_RACES "races of CUDA kernels, by clang's ThreadSanitizer" OFF)
if(SIMCLR_FUZZ OR (SIMCLR_SANITIZE MATCHES "thread" AND NOT SIMCLR_CUDA_RACES))
    return()
endif()

# A file of C++ that includes each .cu file, so that this does not depend on what else compiles those.
file(GLOB cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cu)
set(cuda_as_cpp "")
foreach(file IN LISTS cuda_sources)
    get_filename_component(name ${file} NAME_WE)
    set(cpp ${PROJECT_BINARY_DIR}/cuda_on_cpu/${name}.cpp)
    file(CONFIGURE OUTPUT ${cpp} CONTENT "#include \"${file}\"\n")
    list(APPEND cuda_as_cpp ${cpp})
endforeach()
file(GLOB cuda_on_cpu CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda/*_on_cpu.cpp)
if(SIMCLR_CUDA_RACES)
    set(coroutines ${PROJECT_SOURCE_DIR}/tests/cuda/coroutines_races.cpp)
else()
    set(coroutines ${PROJECT_SOURCE_DIR}/tests/cuda/coroutines_jump.cpp)
endif()
add_library(simclr_cuda_on_cpu STATIC ${cuda_as_cpp} ${cuda_on_cpu} ${coroutines})
target_include_directories(simclr_cuda_on_cpu PUBLIC ${PROJECT_SOURCE_DIR}/tests/cuda)
# Workspaces that are opened and closed again quickly, and that sums of many channels fill.
target_compile_definitions(simclr_cuda_on_cpu PUBLIC
    SC_CUDA_WORKSPACE=1048576 SC_CUDA_CONV_WORKSPACE=4096 SC_CUDA_GRANULE=256)
# Nothing is contracted: what must be one rounding is written as fmaf.
target_compile_options(simclr_cuda_on_cpu PRIVATE -ffp-contract=off $<$<CONFIG:Release>:-O3>)
target_link_libraries(simclr_cuda_on_cpu PUBLIC simclr_internal)
if(SIMCLR_CUDA_RACES)
    target_compile_definitions(simclr_cuda_on_cpu PUBLIC SC_CUDA_RACES)
    target_link_options(simclr_cuda_on_cpu INTERFACE -Wl,-T,${PROJECT_SOURCE_DIR}/cmake/cuda_shared.ld)
    set_source_files_properties(${coroutines} ${PROJECT_SOURCE_DIR}/tests/cuda/cuda_on_cpu.cpp
        PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
else()
    # The checking longjmp refuses to go to another stack.
    set_source_files_properties(${coroutines} PROPERTIES COMPILE_OPTIONS -U_FORTIFY_SOURCE)
endif()

set(cuda_kernels ${kernels} ${PROJECT_SOURCE_DIR}/tests/cuda/tables_cuda.c)
list(FILTER cuda_kernels EXCLUDE REGEX "/tables_cpu[.]c$")
add_executable(kernelcheck_cuda ${cuda_kernels})
target_link_libraries(kernelcheck_cuda PRIVATE simclr_cuda_on_cpu simclr_support)
set_target_properties(kernelcheck_cuda PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
simclr_test(kernelcheck_cuda kernels 600 ${PROJECT_SOURCE_DIR}/tests/cuda/tables_cuda.c
    kernelcheck_cuda --table cuda)
simclr_test(kernelcheck_cuda_plans kernels 600 ${PROJECT_SOURCE_DIR}/tests/cuda/tables_cuda.c
    kernelcheck_cuda --table cuda-plans --op conv2d)

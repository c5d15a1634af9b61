# SPDX-License-Identifier: MIT
#
# Tests by folder.  Exit 77 is a skip.  A line "label: NAME" in the first comment of a test adds
# a label: "threads" for what the tsan preset runs too, "slow" for what sanitizer builds leave out.

file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
set(test_seed 20240601)
set(shared ${PROJECT_SOURCE_DIR}/../shared/data)
set(test_env SIMCLR_TEST_SEED=${test_seed} SIMCLR_SOURCE=${PROJECT_SOURCE_DIR}
    "ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:abort_on_error=0"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1")
if(EXISTS ${shared})
    list(APPEND test_env SHARED=${shared})
endif()
if(TARGET simclr)
    list(APPEND test_env SIMCLR=$<TARGET_FILE:simclr>)
endif()
if(SIMCLR_SANITIZE MATCHES "thread")
    list(APPEND test_env SIMCLR_TEST_RACES=1)
endif()

# simclr_test(NAME LABEL TIMEOUT SOURCE COMMAND...)
function(simclr_test name label timeout source)
    list(LENGTH ARGN words)
    math(EXPR given "${ARGC} - 4")
    if(NOT words EQUAL given)
        message(FATAL_ERROR "${name}: CMake makes two arguments of one with a semicolon: ${ARGN}")
    endif()
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    file(STRINGS ${source} more LIMIT_COUNT 20 REGEX "^(#| \\*) label: ")
    list(TRANSFORM more REPLACE "^.*label: *" "")
    set(labels ${label} ${more})
    if(name MATCHES "parallel|loader|determinism")
        list(APPEND labels threads)
    endif()
    if(SIMCLR_SANITIZE)
        math(EXPR timeout "${timeout} * 6")
    endif()
    # Those that may take longest start first, so that none is left alone at the end.
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} COST ${timeout} SKIP_RETURN_CODE 77
        LABELS "${labels}" ENVIRONMENT "${test_env}")
endfunction()

# The same support code for float (simclr_support) and double (simclr_support_double).
function(simclr_support_library name library)
    add_library(${name} STATIC ${support} ${generated}/proto_empty.c)
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PUBLIC ${library} PkgConfig::CMOCKA)
endfunction()
simclr_support_library(simclr_support simclr_internal)
target_include_directories(simclr_support SYSTEM PUBLIC ${generated}) # tests decode what we write

# Gradient checks: the layers and the reference backend again, in double.
# backend.c chooses between CPU tables, which exist in float only; sc_backend_ref is in ref/.
file(GLOB double_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/src/core/*.c ${PROJECT_SOURCE_DIR}/src/backend/ref/*.c
    ${PROJECT_SOURCE_DIR}/src/nn/*.c ${PROJECT_SOURCE_DIR}/src/model/*.c
    ${PROJECT_SOURCE_DIR}/src/loss/*.c ${PROJECT_SOURCE_DIR}/src/optim/*.c
    ${PROJECT_SOURCE_DIR}/src/eval/finetune_step.c)
add_library(simclr_double STATIC EXCLUDE_FROM_ALL ${double_sources} ${generated}/proto_empty.c)
target_compile_definitions(simclr_double PUBLIC SC_REAL_DOUBLE)
target_include_directories(simclr_double PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(simclr_double PUBLIC simclr_flags simclr_deps)
simclr_support_library(simclr_support_double simclr_double)
set_target_properties(simclr_support_double PROPERTIES EXCLUDE_FROM_ALL TRUE)

file(GLOB cases CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/tests/unit/test_*.c ${PROJECT_SOURCE_DIR}/tests/golden/test_*.c)
foreach(file IN LISTS cases)
    get_filename_component(name ${file} NAME_WE)
    get_filename_component(label ${file} DIRECTORY)
    get_filename_component(label ${label} NAME)
    if(TARGET ${name})
        string(PREPEND name ${label}_)
    endif()
    add_executable(${name} ${file})
    if(name MATCHES "test_grad_")
        target_link_libraries(${name} PRIVATE simclr_support_double)
    else()
        target_link_libraries(${name} PRIVATE simclr_support)
    endif()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_compile_definitions(${name} PRIVATE
        SC_TEST_GOLDEN="${PROJECT_SOURCE_DIR}/tests/golden")
    simclr_test(${name} ${label} 240 ${file} ${name})
endforeach()

file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/kernels/*.c)
if(kernels)
    add_executable(kernelcheck ${kernels})
    target_link_libraries(kernelcheck PRIVATE simclr_support)
    set_target_properties(kernelcheck PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    list(GET kernels 0 file)
    foreach(precision fp32 bf16)
        simclr_test(kernelcheck_${precision} kernels 600 ${file} kernelcheck --precision ${precision})
    endforeach()
endif()

include(cmake/cuda_on_cpu.cmake)

file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cli/*.sh)
if(TARGET simclr)
    foreach(script IN LISTS scripts)
        get_filename_component(name ${script} NAME_WE)
        if(NOT name MATCHES "^(lib|common)")
            simclr_test(cli_${name} cli 240 ${script} bash ${script})
        endif()
    endforeach()
endif()

file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)
foreach(file IN LISTS examples)
    get_filename_component(name ${file} NAME_WE)
    add_executable(example_${name} ${file})
    target_link_libraries(example_${name} PRIVATE simclr_shared simclr_flags m)
    set_target_properties(example_${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
    simclr_test(example_${name} examples 240 ${file} example_${name})
    # Examples write their files where they run.
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/examples/out)
    set_tests_properties(example_${name} PROPERTIES
        WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/examples/out)
endforeach()

# tests/fuzz/fuzz_NAME.c: replays tests/fuzz/corpus/NAME in every build; a libFuzzer target with
# SIMCLR_FUZZ.
file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(file IN LISTS fuzzers)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" short ${name})
    if(SIMCLR_FUZZ)
        add_executable(${name} ${file})
        target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set(command ${name} -runs=0)
    else()
        add_executable(${name} ${file} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c)
        set(command ${name})
    endif()
    target_link_libraries(${name} PRIVATE simclr_support)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    simclr_test(${name} fuzz 120 ${file} ${command} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${short})
endforeach()

# After the library of the kernels, which tests of the stages need.
include(cmake/cuda_stages.cmake)

# SPDX-License-Identifier: MIT
#
# Tests of the stages of a step on a device, tests/cuda/stage_NAME.c, of whole steps, and of the search
# of an evaluation.  Their kernels run on the processor; libplugin_on_cpu.so has them as a plug-in.
if(NOT TARGET simclr_cuda_on_cpu)
    return()
endif()

foreach(stage views ntxent update nearest knn training memory profile)
    set(file ${PROJECT_SOURCE_DIR}/tests/cuda/stage_${stage}.c)
    add_executable(cuda_${stage} ${file})
    target_link_libraries(cuda_${stage} PRIVATE simclr_cuda_on_cpu simclr_support)
    set_target_properties(cuda_${stage} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    simclr_test(cuda_${stage} kernels 240 ${file} cuda_${stage})
endforeach()

add_library(plugin_on_cpu MODULE ${PROJECT_SOURCE_DIR}/tests/cuda/plugin_on_cpu.c)
target_link_libraries(plugin_on_cpu PRIVATE simclr_cuda_on_cpu)
target_link_options(plugin_on_cpu PRIVATE
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/plugin.map)
set_target_properties(plugin_on_cpu PROPERTIES LINKER_LANGUAGE CXX
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)

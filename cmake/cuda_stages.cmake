# SPDX-License-Identifier: MIT
#
# Tests of the stages of a step on a device, tests/cuda/stage_NAME.c, and of the search of an
# evaluation.  Their kernels run on the processor.
if(NOT TARGET simclr_cuda_on_cpu)
    return()
endif()

foreach(stage views ntxent update nearest knn training)
    set(file ${PROJECT_SOURCE_DIR}/tests/cuda/stage_${stage}.c)
    add_executable(cuda_${stage} ${file})
    target_link_libraries(cuda_${stage} PRIVATE simclr_cuda_on_cpu simclr_support)
    set_target_properties(cuda_${stage} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    simclr_test(cuda_${stage} kernels 240 ${file} cuda_${stage})
endforeach()

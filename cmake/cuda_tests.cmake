# SPDX-License-Identifier: MIT
#
# Tests of the plug-in for GPUs that need no GPU, label gpu.  tests/cuda/plugin_*.c are plug-ins that are
# not ours; tests/cuda/*.sh skip what is not there.

# Files that make up a plug-in's answer: one good one of no kernels, one of another version.
foreach(name good other)
    add_library(plugin_${name} MODULE ${PROJECT_SOURCE_DIR}/tests/cuda/plugin_${name}.c)
    target_include_directories(plugin_${name} PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(plugin_${name} PRIVATE simclr_flags)
    set_target_properties(plugin_${name} PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
endforeach()

file(GLOB cases CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda/test_*.c)
foreach(file IN LISTS cases)
    get_filename_component(name ${file} NAME_WE)
    add_executable(${name} ${file})
    target_link_libraries(${name} PRIVATE simclr_support)
    target_compile_definitions(${name} PRIVATE SC_TEST_PLUGINS="${PROJECT_BINARY_DIR}/tests")
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    simclr_test(${name} gpu 120 ${file} ${name})
endforeach()
# Choices of plans are kept by plain C, which needs no cuDNN.
target_sources(test_plan_store PRIVATE ${PROJECT_SOURCE_DIR}/src/backend/cuda/plan_store.c)
target_compile_definitions(test_plan_store PRIVATE SIMCLR_VERSION="${PROJECT_VERSION}")
add_dependencies(test_device_load plugin_good plugin_other)

set(plan_check ${PROJECT_SOURCE_DIR}/tests/cuda/plan_check_main.c)
set(plan_check_command sh -c "echo 'SKIPPED: no cuDNN'; exit 77")
if(SIMCLR_CUDA AND NOT SIMCLR_SANITIZE AND NOT SIMCLR_FUZZ AND SIMCLR_CUDNN_LIBRARY AND
   SIMCLR_CUDNN_INCLUDE AND SIMCLR_CUDA_INCLUDE)
    set(cuda ${PROJECT_SOURCE_DIR}/src/backend/cuda)
    add_executable(plan_check ${plan_check} ${cuda}/plan_check.c ${cuda}/conv_plan.c
        ${cuda}/cudnn_graph.c)
    target_include_directories(plan_check SYSTEM PRIVATE
        ${SIMCLR_CUDA_INCLUDE} ${SIMCLR_CUDNN_INCLUDE})
    target_link_libraries(plan_check PRIVATE simclr_internal ${SIMCLR_CUDNN_LIBRARY})
    set_target_properties(plan_check PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    set(plan_check_command plan_check)
endif()
simclr_test(plan_check gpu 240 ${plan_check} ${plan_check_command})

file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda/*.sh)
foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    simclr_test(cuda_${name} gpu 120 ${script} bash ${script} ${PROJECT_BINARY_DIR})
endforeach()

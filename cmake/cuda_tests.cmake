# SPDX-License-Identifier: MIT
#
# Tests of the plug-in for GPUs that need no GPU, label gpu.  tests/cuda/plugin_*.c are plug-ins that are
# not ours; tests/cuda/*.sh skip what is not there.

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

# Those that want the headers of CUDA and cuDNN, and plan_check cuDNN itself; none wants a GPU.
set(cuda ${PROJECT_SOURCE_DIR}/src/backend/cuda)
set(fakes fake_cudart.c fake_devices.c fake_cudnn.c)
list(TRANSFORM fakes PREPEND ${PROJECT_SOURCE_DIR}/tests/cuda/)
set(faked_graph_sources ${cuda}/conv_plan.c ${cuda}/cudnn_graph.c ${cuda}/cudnn_notes.c)
set(plan_check_sources ${cuda}/plan_check.c ${faked_graph_sources})
set(faked_runtime_sources ${cuda}/runtime.c ${fakes})
set(faked_conv_sources ${cuda}/conv_cudnn.c ${cuda}/conv_plan.c ${cuda}/plan_store.c
    ${faked_runtime_sources})
set(faked_threads_sources ${faked_conv_sources})
set(faked_plugin_sources ${cuda}/plugin.c ${faked_conv_sources})
foreach(name plan_check faked_graph faked_runtime faked_conv faked_threads faked_plugin)
    set(main ${PROJECT_SOURCE_DIR}/tests/cuda/${name}_main.c)
    if(SIMCLR_CUDA_HEADERS)
        add_executable(${name} ${main} ${${name}_sources})
        target_include_directories(${name} SYSTEM PRIVATE
            ${SIMCLR_CUDA_INCLUDE} ${SIMCLR_CUDNN_INCLUDE})
        target_compile_definitions(${name} PRIVATE SIMCLR_VERSION="${PROJECT_VERSION}")
        target_link_libraries(${name} PRIVATE simclr_support)
        set_target_properties(${name} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
        simclr_test(${name} gpu 240 ${main} ${name})
    else()
        simclr_test(${name} gpu 240 ${main} sh -c "echo 'SKIPPED: no headers of CUDA and cuDNN 9' && exit 77")
    endif()
endforeach()
if(SIMCLR_CUDA_HEADERS)
    target_link_libraries(plan_check PRIVATE ${SIMCLR_CUDNN_LIBRARY})
endif()

file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda/*.sh)
foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    simclr_test(cuda_${name} gpu 120 ${script} bash ${script} ${PROJECT_BINARY_DIR})
endforeach()

# kernelcheck on a GPU, by the plug-in (tests/cuda/tables_gpu.c); and the same harness on the emulated
# plug-in with a made-up runtime, so that it is seen to run.
set(gpu_kernels ${kernels} ${PROJECT_SOURCE_DIR}/tests/cuda/tables_gpu.c)
list(FILTER gpu_kernels EXCLUDE REGEX "/tables_(cpu|host)[.]c$")
function(simclr_gpu_kernelcheck name plugin)
    add_executable(${name} ${gpu_kernels})
    target_include_directories(${name} SYSTEM PRIVATE ${SIMCLR_CUDA_INCLUDE})
    target_link_libraries(${name} PRIVATE simclr_support ${ARGN})
    add_dependencies(${name} ${plugin})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
endfunction()
if(TARGET simclr_cuda)
    simclr_gpu_kernelcheck(kernelcheck_gpu simclr_cuda
        ${SIMCLR_CUDART_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} rt)
    simclr_test(kernelcheck_gpu gpu 600 ${PROJECT_SOURCE_DIR}/tests/cuda/tables_gpu.c kernelcheck_gpu)
endif()
if(SIMCLR_CUDA_HEADERS AND TARGET plugin_on_cpu)
    simclr_gpu_kernelcheck(faked_kernels plugin_on_cpu)
    target_sources(faked_kernels PRIVATE ${PROJECT_SOURCE_DIR}/tests/cuda/fake_cudart.c)
    target_compile_definitions(faked_kernels PRIVATE SC_TABLE_MOST_WORK=2e6)
    simclr_test(faked_kernels gpu 240 ${PROJECT_SOURCE_DIR}/tests/cuda/tables_gpu.c
        ${CMAKE_COMMAND} -E env SIMCLR_CUDA=$<TARGET_FILE:plugin_on_cpu> $<TARGET_FILE:faked_kernels>)
endif()

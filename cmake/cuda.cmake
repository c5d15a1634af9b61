# SPDX-License-Identifier: MIT
#
# libsimclr_cuda.so, the plug-in for GPUs: built where nvcc (CUDA 12.0 or later) and cuDNN 9 are, and
# not missed where they are not.  The program never links it.

set(SIMCLR_CUDA AUTO CACHE STRING "plug-in for NVIDIA's GPUs: AUTO (if nvcc and cuDNN are there), ON, OFF")
set(SIMCLR_CUDA_ARCHS "80;86;89;90;100;120" CACHE STRING
    "compute capabilities it has code for; later ones compile the first one's PTX when it is loaded")
set(SIMCLR_CUDNN_ROOT "" CACHE PATH "where cuDNN's include/ and lib/ are, if not with CUDA")

# Sets SIMCLR_CUDNN_INCLUDE, SIMCLR_CUDNN_LIBRARY, SIMCLR_CUDA_INCLUDE, SIMCLR_NVCC where they are.
macro(simclr_find_cuda)
    find_program(SIMCLR_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
    set(toolkit "")
    if(SIMCLR_NVCC)
        file(REAL_PATH ${SIMCLR_NVCC} toolkit)
        get_filename_component(toolkit ${toolkit} DIRECTORY)
        get_filename_component(toolkit ${toolkit} DIRECTORY)
    endif()
    set(places ${SIMCLR_CUDNN_ROOT} ${toolkit} /usr/local/cuda)
    find_path(SIMCLR_CUDA_INCLUDE cuda_runtime_api.h HINTS ${toolkit} /usr/local/cuda
        PATH_SUFFIXES include targets/x86_64-linux/include)
    find_path(SIMCLR_CUDNN_INCLUDE cudnn.h HINTS ${places} PATH_SUFFIXES include)
    find_library(SIMCLR_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${places} PATH_SUFFIXES lib lib64)
    find_library(SIMCLR_CUDART_LIBRARY cudart_static HINTS ${toolkit} /usr/local/cuda
        PATH_SUFFIXES lib lib64 targets/x86_64-linux/lib)
endmacro()

# What is missing for the plug-in, as a text; empty: nothing.
function(simclr_cuda_lacks out)
    set(${out} "" PARENT_SCOPE)
    if(NOT SIMCLR_CUDNN_INCLUDE OR NOT SIMCLR_CUDNN_LIBRARY OR NOT SIMCLR_CUDA_INCLUDE)
        set(${out} "no cuDNN" PARENT_SCOPE)
        return()
    endif()
    file(STRINGS ${SIMCLR_CUDNN_INCLUDE}/cudnn_version.h major REGEX "^#define CUDNN_MAJOR ")
    if(NOT major MATCHES " ([0-9]+)" OR CMAKE_MATCH_1 LESS 9)
        set(${out} "cuDNN 9 or later is needed" PARENT_SCOPE)
        return()
    endif()
    if(NOT SIMCLR_NVCC OR NOT SIMCLR_CUDART_LIBRARY)
        set(${out} "no nvcc" PARENT_SCOPE)
        return()
    endif()
    execute_process(COMMAND ${SIMCLR_NVCC} --version OUTPUT_VARIABLE version ERROR_QUIET)
    if(NOT version MATCHES "release ([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS 12.0)
        set(${out} "CUDA 12.0 or later is needed" PARENT_SCOPE)
    endif()
endfunction()

# Options of nvcc: code for each of SIMCLR_CUDA_ARCHS that it knows, and PTX of the first.  Those of one major
# version (80, 86, 89) are made of the same PTX, that of the first of them, which saves a fifth of the time.
function(simclr_cuda_code out)
    execute_process(COMMAND ${SIMCLR_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
    set(ptx "")
    foreach(arch IN LISTS SIMCLR_CUDA_ARCHS)
        if(known MATCHES "compute_${arch}\n")
            string(REGEX REPLACE ".$" "" major ${arch})
            if(NOT DEFINED first_${major})
                set(first_${major} ${arch})
                set(code_${arch} "")
                list(APPEND ptx ${arch})
            endif()
            list(APPEND code_${first_${major}} sm_${arch})
        endif()
    endforeach()
    if(ptx STREQUAL "")
        message(FATAL_ERROR "SIMCLR_CUDA_ARCHS: nvcc knows none of ${SIMCLR_CUDA_ARCHS}")
    endif()
    list(GET ptx 0 arch)
    list(APPEND code_${arch} compute_${arch})
    set(options "")
    foreach(arch IN LISTS ptx)
        list(JOIN code_${arch} "," code)
        list(APPEND options "-gencode=arch=compute_${arch},code=[${code}]")
    endforeach()
    set(${out} "${options}" PARENT_SCOPE)
endfunction()

# simclr_cuda_objects(OUT FILE...): compiles .cu files; each object has NAME.o.ptxas beside it, what
# ptxas says about registers and spills.  The host's half uses nothing of the C++ library.
function(simclr_cuda_objects out)
    simclr_cuda_code(code)
    set(objects "")
    set(directory ${PROJECT_BINARY_DIR}/cuda)
    file(MAKE_DIRECTORY ${directory})
    set(host -fPIC,-fvisibility=hidden,-fno-exceptions,-fno-rtti,-fno-threadsafe-statics)
    string(APPEND host ,-Wall,-Wextra,-Wno-unused-parameter)
    foreach(file IN LISTS ARGN)
        get_filename_component(name ${file} NAME)
        set(object ${directory}/${name}.o)
        set(flags -std=c++17 -O3 -Xcompiler=${host} -Xptxas=-v)
        # The tests run it on the processor and want the same bits: no multiply-add that g++ does not make.
        if(name MATCHES "^(views|update)[.]cu$")
            list(APPEND flags -fmad=false)
        endif()
        if(SIMCLR_WERROR)
            list(APPEND flags -Werror=all-warnings)
        endif()
        add_custom_command(OUTPUT ${object} BYPRODUCTS ${object}.ptxas
            COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/run_nvcc.sh ${object}.ptxas ${SIMCLR_NVCC} ${flags}
                ${code} -I${PROJECT_SOURCE_DIR}/src -I${PROJECT_SOURCE_DIR}/include
                -MD -MF ${object}.d -c ${file} -o ${object}
            DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/run_nvcc.sh DEPFILE ${object}.d
            COMMENT "Building CUDA object cuda/${name}.o" VERBATIM)
        list(APPEND objects ${object})
    endforeach()
    set(${out} "${objects}" PARENT_SCOPE)
endfunction()

file(GLOB SIMCLR_CUDA_C CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.c)
list(FILTER SIMCLR_CUDA_C EXCLUDE REGEX "/plan_check[.]c$")
file(GLOB SIMCLR_CUDA_CU CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cu)
set(SIMCLR_CUDA_CORE "")
foreach(name error alloc fs fs_write)
    list(APPEND SIMCLR_CUDA_CORE ${PROJECT_SOURCE_DIR}/src/core/${name}.c)
endforeach()

# SIMCLR_CUDA_HEADERS: whether tests that want cuDNN but no nvcc can be built.  Those have sanitizers too.
set(lacks "switched off")
set(SIMCLR_CUDA_HEADERS OFF)
if(SIMCLR_CUDA)
    simclr_find_cuda()
    simclr_cuda_lacks(lacks)
    if(NOT lacks MATCHES "cuDNN")
        set(SIMCLR_CUDA_HEADERS ON)
    endif()
    if(lacks STREQUAL "" AND SIMCLR_SANITIZE)
        set(lacks "none with sanitizers")
    endif()
    if(lacks STREQUAL "" AND NOT SIMCLR_CUDA_CU)
        set(lacks "no kernels in src/backend/cuda")
    endif()
    if(lacks AND NOT SIMCLR_CUDA STREQUAL AUTO)
        message(FATAL_ERROR "SIMCLR_CUDA=${SIMCLR_CUDA}: ${lacks}")
    endif()
endif()
if(lacks STREQUAL "")
    simclr_cuda_objects(objects ${SIMCLR_CUDA_CU})
    add_library(simclr_cuda MODULE ${SIMCLR_CUDA_C} ${SIMCLR_CUDA_CORE} ${objects})
    target_include_directories(simclr_cuda PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_include_directories(simclr_cuda SYSTEM PRIVATE
        ${SIMCLR_CUDA_INCLUDE} ${SIMCLR_CUDNN_INCLUDE})
    target_compile_definitions(simclr_cuda PRIVATE SIMCLR_VERSION="${PROJECT_VERSION}")
    target_link_libraries(simclr_cuda PRIVATE simclr_flags ${SIMCLR_CUDNN_LIBRARY}
        ${SIMCLR_CUDART_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} rt m)
    target_link_options(simclr_cuda PRIVATE -Wl,--no-undefined
        -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/plugin.map)
    # No path to cuDNN in the file: src/backend/device_load.c finds it.
    set_target_properties(simclr_cuda PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/plugin.map
        LINKER_LANGUAGE C SKIP_BUILD_RPATH ON LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    message(STATUS "plug-in for GPUs: yes, for compute capabilities ${SIMCLR_CUDA_ARCHS}")
else()
    message(STATUS "plug-in for GPUs: no (${lacks})")
endif()

# SPDX-License-Identifier: MIT
#
# src/dist/mpi -> libsimclr_mpi.so, the plug-in that connects processes on one machine or many; built where MPI
# is (Debian: libopenmpi-dev).  The program neither needs nor links it.

option(SIMCLR_MPI "build the plug-in for several processes where MPI is" ON)
if(SIMCLR_MPI)
    find_package(MPI QUIET COMPONENTS C)
endif()
if(SIMCLR_MPI AND MPI_C_FOUND)
    add_library(simclr_mpi MODULE ${PROJECT_SOURCE_DIR}/src/dist/mpi/group_mpi.c)
    target_include_directories(simclr_mpi PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(simclr_mpi PRIVATE simclr_flags MPI::MPI_C)
    target_link_options(simclr_mpi PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
    set_target_properties(simclr_mpi PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    message(STATUS "plug-in for several processes: yes, ${MPI_C_LIBRARIES}")
else()
    message(STATUS "plug-in for several processes: no, MPI was not found or is switched off")
endif()

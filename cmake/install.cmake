# SPDX-License-Identifier: MIT
#
# cmake --install: program, libsimclr.so, libsimclr_mpi.so, libsimclr_cuda.so, simclr.h, simclr.pc, man page, presets.

file(RELATIVE_PATH SIMCLR_PC_PREFIX
    /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" SIMCLR_PC_PREFIX "${SIMCLR_PC_PREFIX}")
configure_file(cmake/simclr.pc.in simclr.pc @ONLY)

install(TARGETS simclr_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET simclr_mpi)
    install(TARGETS simclr_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(TARGET simclr_cuda)
    install(TARGETS simclr_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(FILES include/simclr.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/simclr.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET simclr)
    install(TARGETS simclr RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man/simclr.1)
    install(FILES docs/man/simclr.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
file(GLOB configs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/configs/*.yaml)
if(configs)
    install(FILES ${configs} DESTINATION ${CMAKE_INSTALL_DATADIR}/simclr/configs)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# SPDX-License-Identifier: MIT
#
# Libraries of others, as the target simclr_deps.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SIMCLR_PC REQUIRED IMPORTED_TARGET
    yaml-0.1 jansson libprotobuf-c libcrypto libjpeg libpng libwebp)

add_library(simclr_deps INTERFACE)
target_link_libraries(simclr_deps INTERFACE
    PkgConfig::SIMCLR_PC Threads::Threads ${CMAKE_DL_LIBS} m)

if(SIMCLR_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

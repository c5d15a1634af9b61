# SPDX-License-Identifier: MIT
#
# simclr_internal (static, everything visible: the program and the tests), simclr_shared
# (libsimclr.so, exports simclr_* only), simclr (the program).

file(GLOB SIMCLR_SOURCES CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/src/*.c ${PROJECT_SOURCE_DIR}/src/*/*.c
    ${PROJECT_SOURCE_DIR}/src/backend/ref/*.c ${PROJECT_SOURCE_DIR}/src/backend/cpu/*.c)
file(GLOB SIMCLR_CLI CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/*.c)
file(GLOB SIMCLR_PROTO CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
simclr_file_flags(${SIMCLR_SOURCES})

# proto/NAME.proto -> NAME.pb-c.h, included as "NAME.pb-c.h".
set(generated ${PROJECT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
set(proto_c "")
if(SIMCLR_PROTO)
    find_program(PROTOC_C NAMES protoc-c protoc-gen-c REQUIRED)
endif()
foreach(proto IN LISTS SIMCLR_PROTO)
    get_filename_component(name ${proto} NAME_WE)
    add_custom_command(OUTPUT ${generated}/${name}.pb-c.c ${generated}/${name}.pb-c.h
        COMMAND ${PROTOC_C} --proto_path=${PROJECT_SOURCE_DIR}/proto --c_out=${generated} ${proto}
        DEPENDS ${proto} VERBATIM)
    list(APPEND proto_c ${generated}/${name}.pb-c.c)
endforeach()
add_library(simclr_proto OBJECT EXCLUDE_FROM_ALL ${proto_c} ${generated}/proto_empty.c)
file(GENERATE OUTPUT ${generated}/proto_empty.c CONTENT "typedef int sc_no_proto;\n")
target_include_directories(simclr_proto PUBLIC ${generated})
target_compile_options(simclr_proto PRIVATE -w)
target_link_libraries(simclr_proto PRIVATE PkgConfig::SIMCLR_PC)

# src/report/page/page.* as arrays, for src/report/page.c.
set(page ${PROJECT_SOURCE_DIR}/src/report/page/page)
add_custom_command(OUTPUT ${generated}/page_text.c
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated}/page_text.c -DPREFIX=sc_page_
        -DFILES=${page}.html,${page}.css,${page}.js -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${page}.html ${page}.css ${page}.js ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)

# An object library compiles everything once for the static and the shared library.
add_library(simclr_objects OBJECT ${SIMCLR_SOURCES} ${generated}/page_text.c)
add_dependencies(simclr_objects simclr_proto)
target_include_directories(simclr_objects PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_include_directories(simclr_objects SYSTEM PRIVATE ${generated})
target_compile_definitions(simclr_objects PRIVATE SIMCLR_VERSION="${PROJECT_VERSION}")
target_link_libraries(simclr_objects PRIVATE simclr_flags simclr_deps)

add_library(simclr_internal STATIC
    $<TARGET_OBJECTS:simclr_objects> $<TARGET_OBJECTS:simclr_proto>)
target_include_directories(simclr_internal PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(simclr_internal PUBLIC simclr_flags simclr_deps)

add_library(simclr_shared SHARED $<TARGET_OBJECTS:simclr_objects> $<TARGET_OBJECTS:simclr_proto>)
target_include_directories(simclr_shared INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(simclr_shared PRIVATE simclr_flags simclr_deps)
# The version script hides what protoc-c and the static parts of dependencies would export.
target_link_options(simclr_shared PRIVATE
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
set_target_properties(simclr_shared PROPERTIES OUTPUT_NAME simclr
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

if(SIMCLR_CLI)
    add_executable(simclr ${SIMCLR_CLI})
    target_compile_definitions(simclr PRIVATE SIMCLR_VERSION="${PROJECT_VERSION}")
    # Only the public header: not simclr_internal's include directories.
    target_include_directories(simclr PRIVATE ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(simclr PRIVATE $<TARGET_FILE:simclr_internal> simclr_flags simclr_deps)
    add_dependencies(simclr simclr_internal)
    set_target_properties(simclr PROPERTIES LINK_DEPENDS $<TARGET_FILE:simclr_internal>
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endif()

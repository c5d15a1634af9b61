# SPDX-License-Identifier: MIT
#
# cmake -DOUTPUT=FILE.c -DPREFIX=sc_page_ -DFILES=a.html,b.css -P embed.cmake: files as C arrays, named after
# their endings (sc_page_html, sc_page_css), with a zero byte at the end.

set(text "/* Made by cmake/embed.cmake. */\n")
string(REPLACE "," ";" FILES "${FILES}")
foreach(file IN LISTS FILES)
    get_filename_component(ending ${file} LAST_EXT)
    string(SUBSTRING ${ending} 1 -1 ending)
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND text "extern const unsigned char ${PREFIX}${ending}[];\n"
        "const unsigned char ${PREFIX}${ending}[] = {\n${bytes}0x00};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")

# The library in its four forms. Sources are found by folder; a new file needs no line here.

function(cairn_glob_folders result)
  set(found)
  foreach(folder ${ARGN})
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.c)
    list(APPEND found ${files})
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# The core before what it stands on, as its thread-local word is the largest: the other way round
# padding would make it more than the 16 bytes that a library which is loaded late may ask for.
cairn_glob_folders(core_sources core base config os trace)
add_library(cairn_core OBJECT ${core_sources})
target_link_libraries(cairn_core PUBLIC cairn_library_flags)
# Everything in the core is static or declared in a header; operators of C++ are in none.
target_compile_options(cairn_core PRIVATE -Wstrict-prototypes -Wmissing-prototypes)

# Arenas, pools and the like: above the core, below every interposed name, so tests link them too.
cairn_glob_folders(region_sources regions)
add_library(cairn_regions OBJECT ${region_sources})
target_link_libraries(cairn_regions PUBLIC cairn_library_flags)

# What finds mistakes that the core cannot see; and profiles, chosen at start. Which one it is where
# no option says so is compiled once for each library that has another default.
cairn_glob_folders(guard_sources guard)
list(FILTER guard_sources EXCLUDE REGEX "/profile_default.c$")
add_library(cairn_guard OBJECT ${guard_sources})
target_link_libraries(cairn_guard PUBLIC cairn_library_flags)
# The stacks of allocations are captured there: the chain of frames leads through it.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/guard/debug.c PROPERTIES
  COMPILE_OPTIONS -fno-omit-frame-pointer)
foreach(profile fast hardened)
  add_library(cairn_default_${profile} OBJECT ${CMAKE_SOURCE_DIR}/src/guard/profile_default.c)
  target_link_libraries(cairn_default_${profile} PUBLIC cairn_library_flags)
  target_compile_definitions(cairn_default_${profile} PRIVATE CAIRN_DEFAULT_PROFILE="${profile}")
endforeach()

if(NOT CAIRN_FRONT)
  return()
endif()

cairn_glob_folders(front_sources front)
add_library(cairn_front OBJECT ${front_sources})
target_link_libraries(cairn_front PUBLIC cairn_library_flags)

# The order of linking is that of code and data in memory. What every program runs and writes comes
# first, so that a tiny one touches few pages of the data; of that, what has large arrays last. The
# code of these files, with what runs once, as a process starts, wherever it is written (RUNS_ONCE
# in base/compiler.h), is a part of the library that is mapped by itself, and their constants lie
# with the symbols: see layout.ld.in. A file that is missing here costs a tiny program some 64 KiB,
# nothing else.
set(everybodys
    core/threads core/heap core/slab core/block core/block_lists core/purge core/place core/allocate
    core/object core/remote core/reclaim core/large core/spare core/holes core/prefault
    core/purge_cap core/size_class core/limit base/cpu core/interceptor core/mapping_names
    core/trim core/policy core/sampling core/background core/regain guard/budget os/os_linux
    os/mutex front/malloc front/rules core/metadata core/region core/chunk_map front/cxx
    config/options)
set(library_objects_without_default)
set(EVERYBODYS) # patterns for the linker
set(EVERYBODYS_CONSTANTS)
foreach(file ${everybodys})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/${file}.c)
    message(FATAL_ERROR "src/${file}.c is gone: take it out of the order of linking")
  endif()
  string(REGEX REPLACE "/.*" "" target ${file})
  string(REGEX REPLACE "^(base|config|os|trace)$" "core" target ${target})
  list(APPEND library_objects_without_default
       "$<FILTER:$<TARGET_OBJECTS:cairn_${target}>,INCLUDE,/${file}\\.c\\.>")
  string(APPEND EVERYBODYS " *src/${file}.c.o")
  string(APPEND EVERYBODYS_CONSTANTS " *src/${file}.c.o(.rodata .rodata.*)")
endforeach()
# Some that are needed at the start: words that options are compared with, say.
foreach(file core/report guard/profile guard/profile_default regions/poison)
  string(APPEND EVERYBODYS_CONSTANTS " *src/${file}.c.o(.rodata.str1.1 .rodata.cst*)")
endforeach()
list(JOIN everybodys "|" everybodys)
foreach(target core regions guard front)
  list(APPEND library_objects_without_default
       "$<FILTER:$<TARGET_OBJECTS:cairn_${target}>,EXCLUDE,/(${everybodys})\\.c\\.>")
endforeach()
set(library_objects ${library_objects_without_default} $<TARGET_OBJECTS:cairn_default_fast>)

# Of the C library's there is what each process runs at its start.
set(EVERYBODYS_AND_START "${EVERYBODYS} *crt*.o *libc_nonshared.a:*")
configure_file(cmake/layout.ld.in ${CMAKE_BINARY_DIR}/layout.ld @ONLY)
include(CheckLinkerFlag)
set(layout -Wl,-T,${CMAKE_BINARY_DIR}/layout.ld)
check_linker_flag(C "-shared;${layout}" CAIRN_HAS_LAYOUT)
if(NOT CAIRN_HAS_LAYOUT)
  set(layout)
endif()

# libcairn.so. The version script is anonymous: a named version would keep `malloc` from satisfying
# malloc@GLIBC_2.2.5, and the program would silently go on with libc's.
set(version_script ${CMAKE_SOURCE_DIR}/cmake/libcairn.map)
function(cairn_add_shared target name)
  add_library(${target} SHARED ${library_objects_without_default} ${ARGN})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINKER_LANGUAGE C LINK_DEPENDS "${version_script};${CMAKE_BINARY_DIR}/layout.ld")
  target_link_options(${target} PRIVATE
    -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,nodelete -Wl,--version-script=${version_script}
    ${layout} -static-libgcc)
  # At both ends of the code lies something of the C library's that each process runs: its part of
  # pthread_atfork, which would be linked last, and an empty function for the end, which is not
  # needed where destructors are in an array.
  target_link_options(${target} PRIVATE
    -Wl,--undefined=pthread_atfork -lc -Wl,-fini=no_such_function)
  # A copy of the unwinder of the library's own, hidden, for the stacks in reports: programs in C
  # have none. Others have theirs if they are linked with cairn.o (trace/unwind.c).
  if(CAIRN_LIBC STREQUAL "glibc")
    target_link_options(${target} PRIVATE -Wl,--undefined=_Unwind_Backtrace)
  endif()
  target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR}/include)
endfunction()
cairn_add_shared(cairn_shared cairn $<TARGET_OBJECTS:cairn_default_fast>)
# libcairn-hardened.so: the same with another default, for a preload that sets no environment.
cairn_add_shared(cairn_shared_hardened cairn-hardened $<TARGET_OBJECTS:cairn_default_hardened>)

# cairn.o: the whole library as one object. Its hidden symbols are made local, so that no name of
# the inside can meet one of the program it is linked into.
set(cairn_object ${CMAKE_BINARY_DIR}/cairn.o)
add_custom_command(OUTPUT ${cairn_object}
  COMMAND ${CMAKE_C_COMPILER} -nostdlib -r -o ${cairn_object} ${library_objects}
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${cairn_object}
  DEPENDS ${library_objects} cairn_core cairn_regions cairn_guard cairn_default_fast cairn_front
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking C object cairn.o")
add_custom_target(cairn_object ALL DEPENDS ${cairn_object})
set(CAIRN_OBJECT ${cairn_object})

# libcairn.a holds that one object: a program gets the whole malloc family from it or nothing, never
# half of it from libc.
set_source_files_properties(${cairn_object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(cairn_static STATIC ${cairn_object})
set_target_properties(cairn_static PROPERTIES OUTPUT_NAME cairn LINKER_LANGUAGE C)
target_include_directories(cairn_static INTERFACE ${CMAKE_SOURCE_DIR}/include)
add_dependencies(cairn_static cairn_object)

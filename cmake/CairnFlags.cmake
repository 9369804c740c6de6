# Flags of everything that is built here. The build type of CMake is not used: each preset says what
# it wants, and the release is -O2 -g wherever it is built.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(CAIRN_OPTIMISE "-O2" CACHE STRING "Optimisation flags, a list")

# Keeps the compiler from reading a meaning into functions that are defined or tested here: without
# these a malloc that nobody reads is removed, and malloc + memset in calloc becomes calloc itself.
set(CAIRN_NO_BUILTIN_MALLOC)
foreach(name malloc calloc realloc reallocarray free aligned_alloc posix_memalign memalign valloc
             pvalloc malloc_usable_size)
  list(APPEND CAIRN_NO_BUILTIN_MALLOC -fno-builtin-${name})
endforeach()

# cairn_flags: of every target; cairn_library_flags: of what ends up in the library, in addition.
add_library(cairn_flags INTERFACE)
target_compile_options(cairn_flags INTERFACE
  ${CAIRN_OPTIMISE} -g ${CAIRN_NO_BUILTIN_MALLOC}
  -Wall -Wextra -Wconversion -Wshadow -Werror)
target_compile_definitions(cairn_flags INTERFACE
  CAIRN_VERSION="${PROJECT_VERSION}" $<$<BOOL:${CAIRN_DEBUG}>:CAIRN_DEBUG=1>)
target_include_directories(cairn_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
if(CAIRN_SANITIZE)
  target_compile_options(cairn_flags INTERFACE
    -fsanitize=${CAIRN_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cairn_flags INTERFACE -fsanitize=${CAIRN_SANITIZE})
endif()

add_library(cairn_library_flags INTERFACE)
target_link_libraries(cairn_library_flags INTERFACE cairn_flags)
target_compile_options(cairn_library_flags INTERFACE
  -fvisibility=hidden -ftls-model=initial-exec -fno-semantic-interposition)
target_include_directories(cairn_library_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)

# Debian's musl-gcc sees no headers of the kernel, which belong to no C library: a folder that leads
# to these alone, so that none of glibc's headers is found by mistake.
if(CAIRN_LIBC STREQUAL "musl")
  execute_process(COMMAND gcc -print-multiarch OUTPUT_VARIABLE multiarch
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(kernel_headers ${CMAKE_BINARY_DIR}/kernel-headers)
  file(MAKE_DIRECTORY ${kernel_headers})
  file(CREATE_LINK /usr/include/linux ${kernel_headers}/linux SYMBOLIC)
  file(CREATE_LINK /usr/include/asm-generic ${kernel_headers}/asm-generic SYMBOLIC)
  file(CREATE_LINK /usr/include/${multiarch}/asm ${kernel_headers}/asm SYMBOLIC)
  target_include_directories(cairn_flags SYSTEM INTERFACE ${kernel_headers})
endif()

# Frame pointers everywhere, so that call stacks can be read; in the library but where a function
# calls none, or hands over to another one at its end: that leaves the fast paths their registers.
add_library(cairn_test_flags INTERFACE)
target_link_libraries(cairn_test_flags INTERFACE cairn_flags)
target_compile_options(cairn_test_flags INTERFACE -fno-omit-frame-pointer)
target_compile_definitions(cairn_test_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
target_compile_options(cairn_test_flags INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fsized-deallocation>)
target_compile_options(cairn_library_flags INTERFACE -fno-omit-frame-pointer)
if(NOT CAIRN_DEBUG AND NOT CAIRN_SANITIZE)
  target_compile_options(cairn_library_flags INTERFACE -momit-leaf-frame-pointer)
endif()

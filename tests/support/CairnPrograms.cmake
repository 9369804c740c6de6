# What tests/front, tests/lifecycle and tests/stress share: plain programs, no framework, run under
# the library by LD_PRELOAD or linked with it.
include_guard(DIRECTORY)

set(CAIRN_FRONT_PREFIX "")
if(CAIRN_PRESET AND NOT CAIRN_PRESET STREQUAL "release")
  set(CAIRN_FRONT_PREFIX "${CAIRN_PRESET}.")
endif()

# cairn_test_program(NAME SOURCE...): an executable that knows nothing of the library. The compiler
# must not know malloc, or it would remove the very calls under test.
function(cairn_test_program name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES C_STANDARD 17 CXX_STANDARD 20
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name} PRIVATE cairn_test_flags Threads::Threads ${CMAKE_DL_LIBS})
  target_compile_options(${name} PRIVATE -O1 -fno-builtin)
endfunction()

# cairn_test_limits(TEST SECONDS): no test runs for ever.
function(cairn_test_limits test seconds)
  set_tests_properties(${test} PROPERTIES TIMEOUT ${seconds} SKIP_RETURN_CODE 77)
endfunction()

# cairn_under_preload(TEST SECONDS): with the library in front of libc.
function(cairn_under_preload test seconds)
  cairn_test_limits(${test} ${seconds})
  set_tests_properties(${test} PROPERTIES ENVIRONMENT LD_PRELOAD=$<TARGET_FILE:cairn_shared>)
endfunction()

find_package(Threads REQUIRED)

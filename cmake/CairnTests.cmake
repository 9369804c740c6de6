# How tests are declared. All of them run by ctest, in one run over all presets (scripts/run-tests),
# so the name of a test starts with its preset unless that is release.

set(CAIRN_TEST_PREFIX "")
if(NOT CAIRN_PRESET STREQUAL "release")
  set(CAIRN_TEST_PREFIX "${CAIRN_PRESET}.")
endif()

# Thread sanitizer of gcc 12 does not start where the kernel randomises more address bits than it
# knows; without randomisation it always does.
set(CAIRN_TEST_LAUNCHER)
if(CAIRN_SANITIZE STREQUAL "thread")
  set(CAIRN_TEST_LAUNCHER ${CMAKE_SOURCE_DIR}/scripts/fixed-addresses)
endif()

# cairn_test(NAME name COMMAND program args... [TIMEOUT seconds] [ENVIRONMENT A=b...] [SERIAL])
# Every test finds in its environment: CAIRN_SOURCE_DIR, CAIRN_BUILD_DIR, CAIRN_PRESET and, where
# they are built, CAIRN_LIBRARY (libcairn.so) and CAIRN_COMMAND (the command cairn).
function(cairn_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "NAME;TIMEOUT" "COMMAND;ENVIRONMENT")
  set(name ${CAIRN_TEST_PREFIX}${arg_NAME})
  # Behind a launcher CMake would not see that the program is one of its targets.
  list(POP_FRONT arg_COMMAND program)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  add_test(NAME ${name} COMMAND ${CAIRN_TEST_LAUNCHER} ${program} ${arg_COMMAND})
  set(environment CAIRN_SOURCE_DIR=${CMAKE_SOURCE_DIR} CAIRN_BUILD_DIR=${CMAKE_BINARY_DIR}
                  CAIRN_PRESET=${CAIRN_PRESET})
  if(TARGET cairn_shared)
    list(APPEND environment CAIRN_LIBRARY=$<TARGET_FILE:cairn_shared>)
  endif()
  if(TARGET cairn_command)
    list(APPEND environment CAIRN_COMMAND=$<TARGET_FILE:cairn_command>)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "${environment};${arg_ENVIRONMENT}" TIMEOUT ${arg_TIMEOUT})
  if(arg_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# cairn_preload_test(NAME name COMMAND program args... [TIMEOUT] [ENVIRONMENT] [SERIAL]): the same
# with libcairn.so preloaded into the program.
function(cairn_preload_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "NAME;TIMEOUT" "COMMAND;ENVIRONMENT")
  set(serial)
  if(arg_SERIAL)
    set(serial SERIAL)
  endif()
  cairn_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND} TIMEOUT ${arg_TIMEOUT} ${serial}
             ENVIRONMENT ${arg_ENVIRONMENT} LD_PRELOAD=$<TARGET_FILE:cairn_shared>)
endfunction()

# cairn_module_test(LAYER layer SOURCE file [FAULTS]): a cmocka program over the core; nothing in it
# is interposed, so it may use libc's malloc. FAULTS puts tests/os/os_faulty.c between the core and
# the operating system: the linker leads each call of these functions to __wrap_ and its name.
set(CAIRN_FAULTY os_reserve os_reserve_guarded os_commit os_map os_purge os_purge_ranges
    os_move_pages os_map_anew os_name os_on_thread_exit os_discard os_file_open os_file_close
    os_file_size os_file_resize os_memory_file os_map_file os_flush os_advise os_on_bus_error
    os_slot_write os_protect os_on_fault)
function(cairn_module_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "FAULTS" "LAYER;SOURCE" "")
  get_filename_component(stem ${arg_SOURCE} NAME_WE)
  string(REGEX REPLACE "_test$" "" stem ${stem})
  set(target ${arg_LAYER}_${stem}_test)
  add_executable(${target} ${arg_SOURCE})
  if(arg_FAULTS)
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/os/os_faulty.c)
    list(TRANSFORM CAIRN_FAULTY PREPEND "-Wl,--wrap=" OUTPUT_VARIABLE wraps)
    target_link_options(${target} PRIVATE ${wraps})
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE cairn_core cairn_test_flags cmocka pthread)
  if(arg_LAYER STREQUAL "regions")
    target_link_libraries(${target} PRIVATE cairn_regions)
  elseif(arg_LAYER STREQUAL "guard")
    target_link_libraries(${target} PRIVATE cairn_guard cairn_default_fast)
  endif()
  cairn_test(NAME ${arg_LAYER}.${stem} COMMAND ${target})
endfunction()

# cairn_fuzz_target(source): a file with LLVMFuzzerTestOneInput over the core. The preset fuzz links
# libFuzzer to it; everywhere else it replays its corpus, tests/fuzz/corpus/NAME, as a test.
function(cairn_fuzz_target source)
  get_filename_component(stem ${source} NAME_WE)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${stem})
  if(CAIRN_PRESET STREQUAL "fuzz")
    add_executable(${stem} ${source})
    target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    set(command ${stem} -runs=0 ${corpus})
  else()
    add_executable(${stem} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    set(command ${stem} ${corpus})
  endif()
  set_target_properties(${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  target_include_directories(${stem} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${stem} PRIVATE cairn_core cairn_regions cairn_test_flags pthread)
  string(REGEX REPLACE "^fuzz_" "" name ${stem})
  cairn_test(NAME fuzz.${name} COMMAND ${command})
endfunction()

# cairn_checker(name): scripts/name must find nothing in the repository, and scripts/name
# --self-test must find what is broken on purpose in a copy.
function(cairn_checker name)
  cairn_test(NAME repository.${name} COMMAND ${CMAKE_SOURCE_DIR}/scripts/${name})
  cairn_test(NAME repository.${name}.self-test
             COMMAND ${CMAKE_SOURCE_DIR}/scripts/${name} --self-test)
endfunction()

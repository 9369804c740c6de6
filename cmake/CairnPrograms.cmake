# Programs that the tests of the front, of the life cycle and of stress run: ordinary users of
# malloc without a test framework, which would itself allocate through the library on trial.
include_guard(GLOBAL)

# cairn_test_program(name source...): an executable that knows nothing of the library. The compiler
# must not know malloc, or it would remove the very calls under test.
function(cairn_test_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE cairn_test_flags pthread ${CMAKE_DL_LIBS})
  target_compile_options(${name} PRIVATE -fno-builtin)
endfunction()

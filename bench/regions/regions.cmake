# The benchmarks of arenas, pools and the like: one program per way of getting memory, so that each
# is compiled as it would be in a user's program. Peers whose headers are not installed are left
# out; bench/regions/run says which.
find_package(PkgConfig)
if(PkgConfig_FOUND)
    pkg_check_modules(apr IMPORTED_TARGET apr-1)
    pkg_check_modules(talloc IMPORTED_TARGET talloc)
endif()

# regions_bench(name source memory [library...]): bench/regions/NAME, with USE_MEMORY defined.
function(regions_bench name source memory)
    add_executable(bench_regions_${name} ${source})
    set_target_properties(bench_regions_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/regions)
    target_compile_options(bench_regions_${name} PRIVATE ${bench_options})
    target_compile_definitions(bench_regions_${name} PRIVATE USE_${memory})
    target_link_libraries(bench_regions_${name} PRIVATE Threads::Threads ${ARGN})
endfunction()

foreach(memory NOTHING MALLOC OBSTACK)
    string(TOLOWER ${memory} name)
    regions_bench(arena_${name} regions/arena.c ${memory})
endforeach()
regions_bench(arena_pmr regions/arena.cc PMR)
if(TARGET PkgConfig::apr)
    regions_bench(arena_apr regions/arena.c APR PkgConfig::apr)
endif()
if(TARGET PkgConfig::talloc)
    regions_bench(arena_talloc regions/arena.c TALLOC PkgConfig::talloc)
endif()
regions_bench(shared_arena_malloc regions/shared_arena.c MALLOC)
if(TARGET cairn_static)
    regions_bench(arena_cairn regions/arena.c CAIRN cairn_static)
    regions_bench(shared_arena_cairn regions/shared_arena.c CAIRN cairn_static)
endif()

# The benchmarks of pools and object caches: one program per way of getting objects, and for pools
# one per size of them. Those named *_cairn* call the library; the others must not be linked with
# it, as they measure the malloc that they run under. boost::pool is left out where its header is
# missing.
find_path(boost_pool boost/pool/pool.hpp)

# pool_bench(name source [definition...])
function(pool_bench name source)
    add_executable(bench_regions_${name} ${source})
    set_target_properties(bench_regions_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/regions)
    target_compile_options(bench_regions_${name} PRIVATE ${bench_options})
    target_compile_definitions(bench_regions_${name} PRIVATE ${ARGN})
    target_link_libraries(bench_regions_${name} PRIVATE Threads::Threads)
    if(name MATCHES "_cairn")
        target_link_libraries(bench_regions_${name} PRIVATE cairn_shared)
    endif()
endfunction()

file(GLOB pool_sources CONFIGURE_DEPENDS regions/pool_*.c regions/pool_*.cc
    regions/object_*.c regions/object_*.cc)
if(NOT boost_pool)
    list(FILTER pool_sources EXCLUDE REGEX "_boost")
endif()
if(NOT TARGET cairn_shared)
    list(FILTER pool_sources EXCLUDE REGEX "_cairn")
endif()
foreach(source IN LISTS pool_sources)
    get_filename_component(name ${source} NAME_WE)
    if(name MATCHES "^pool_")
        foreach(bytes 64 200)
            pool_bench(${name}_${bytes} ${source} OBJECT=${bytes})
        endforeach()
    else()
        pool_bench(${name} ${source})
    endif()
endforeach()

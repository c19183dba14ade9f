# Third-party parts, all from the distribution's packages. Static where the
# program that people type would otherwise pay for loading them at each start.
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)

# Prefers lib<name>.a, falls back to the shared library.
function(cooper_find_static target name)
  find_library(COOPER_LIB_${name} NAMES lib${name}.a ${name} REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(${target} INTERFACE ${COOPER_LIB_${name}})
endfunction()

cooper_find_static(dep::boost_json boost_json)
target_link_libraries(dep::boost_json INTERFACE Boost::headers Threads::Threads)
cooper_find_static(dep::zstd zstd)
cooper_find_static(dep::yaml yaml-cpp)

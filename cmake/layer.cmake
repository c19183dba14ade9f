# One folder, one static library. A layer sees only the layers it names (and
# those that they name), so the linker keeps the rule of ARCHITECTURE.md.
#   cooper_layer(name [DEPENDS layer...] [LINKS target...] SOURCES file...)
function(cooper_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LINKS;SOURCES")
  add_library(cooper_${name} STATIC ${arg_SOURCES})
  target_include_directories(cooper_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM arg_DEPENDS PREPEND cooper_)
  target_link_libraries(cooper_${name} PUBLIC ${arg_DEPENDS} PRIVATE cooper_options ${arg_LINKS})
endfunction()

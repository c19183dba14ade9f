# cooper_embed_text(NAME FILE): a source file <NAME>.cc in the build folder that defines
# cooper::server::NAME(), the text of FILE. In pieces: compilers need not take literals of any length.
function(cooper_embed_text name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(LENGTH "${text}" length)
  set(pieces "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 16000 piece)
    string(APPEND pieces "    R\"text(${piece})text\",\n")
    math(EXPR at "${at} + 16000")
  endwhile()
  file(CONFIGURE OUTPUT ${name}.cc @ONLY CONTENT [=[
#include "server/@name@.h"

#include <array>

namespace cooper::server {

const std::string& @name@() {
  static const std::string whole = [] {
    constexpr std::array pieces{
@pieces@    };
    std::string text;
    for (const char* piece : pieces) text += piece;
    return text;
  }();
  return whole;
}

}  // namespace cooper::server
]=])
endfunction()

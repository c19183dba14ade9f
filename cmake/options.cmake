# What every target of ours is compiled with. Linked PRIVATE, so nothing of it
# reaches third-party code.
add_library(cooper_options INTERFACE)
target_compile_options(cooper_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Wextra-semi -Wswitch-enum
  -Wno-missing-field-initializers)  # designated initialisers leave the rest at their defaults
if(COOPER_DEV)
  target_compile_options(cooper_options INTERFACE -Werror)
endif()
target_compile_definitions(cooper_options INTERFACE _FILE_OFFSET_BITS=64)
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_definitions(cooper_options INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_compile_options(cooper_options INTERFACE -fstack-protector-strong -fPIE
                         -ffunction-sections -fdata-sections)
  target_link_options(cooper_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()
if(COOPER_SANITIZE)
  # Global on purpose: a sanitizer must see every translation unit of ours.
  add_compile_options(-fsanitize=${COOPER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COOPER_SANITIZE})
endif()

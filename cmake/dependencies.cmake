# Third-party parts, all from the distribution's packages. Static where the
# program that people type would otherwise pay for loading them at each start.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)

# Prefers lib<name>.a, falls back to the shared library.
function(cooper_find_static target name)
  find_library(COOPER_LIB_${name} NAMES lib${name}.a ${name} REQUIRED)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${COOPER_LIB_${name}})
endfunction()

cooper_find_static(dep::boost_json boost_json)
target_link_libraries(dep::boost_json INTERFACE Boost::headers Threads::Threads)
cooper_find_static(dep::zstd zstd)
cooper_find_static(dep::archive archive)
# What its zip and its filters need, in cooper-unpack alone: what others don't call, they
# don't get. (nettle is for encrypted zips, which are refused, but must be there.)
foreach(library z bz2 lzma nettle)
  cooper_find_static(dep::${library} ${library})
endforeach()
target_link_libraries(dep::archive INTERFACE dep::zstd dep::z dep::bz2 dep::lzma dep::nettle)
# Its tar writer refers to every other format's, and they to a dozen libraries; what
# is never called is dropped together with those references.
target_link_options(dep::archive INTERFACE -Wl,--gc-sections)
# Loaded late, and so only by who needs it (bundle/gzip.cc): there is no static one.
find_path(COOPER_ISAL_HEADERS isa-l/igzip_lib.h REQUIRED)
cooper_find_static(dep::crypto crypto)
cooper_find_static(dep::yaml yaml-cpp)
cooper_find_static(dep::sqlite sqlite3)
target_link_libraries(dep::sqlite INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)

# Shared: only cooper-fetch loads it.
find_package(CURL 7.84 REQUIRED)
add_library(dep::curl ALIAS CURL::libcurl)

# Shared on purpose: only the supervisor loads it, once for each build, and static
# gRPC would add 20 MB to that program.
find_package(Protobuf REQUIRED)
foreach(library grpc++ grpc gpr absl_synchronization)
  string(MAKE_C_IDENTIFIER ${library} variable)
  find_library(COOPER_LIB_${variable} ${library} REQUIRED)
  list(APPEND grpc_libraries ${COOPER_LIB_${variable}})
endforeach()
find_program(COOPER_PROTOC protoc REQUIRED)
find_program(COOPER_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
add_library(dep::grpc INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::grpc INTERFACE ${grpc_libraries} protobuf::libprotobuf Threads::Threads)

# Shared: only cooper-server loads them.
find_package(OpenSSL 3 REQUIRED)
add_library(dep::tls INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::tls INTERFACE OpenSSL::SSL OpenSSL::Crypto Boost::headers)
find_path(COOPER_SYSTEMD_HEADERS systemd/sd-daemon.h REQUIRED)
find_library(COOPER_LIB_systemd systemd REQUIRED)
add_library(dep::systemd INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::systemd INTERFACE ${COOPER_LIB_systemd})

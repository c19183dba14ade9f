# A fuzz target is a program that takes any input. Everywhere it runs over its
# corpus as a test, fuzz.<name>; built with the preset `fuzz` it also finds new
# inputs:  build/fuzz/tests/fuzz_<name> tests/fuzz/corpus/<name>
# An input that broke something goes into the corpus, so it never does again.
#   cooper_fuzz_target(name LINKS target... [SEEDS folder...])
function(cooper_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS;SEEDS")
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name} ${arg_SEEDS})
  add_executable(fuzz_${name} fuzz/${name}.cc)
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LINKS} cooper_options)
  if(COOPER_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${name} COMMAND fuzz_${name} -runs=0 ${corpus})
  else()
    target_sources(fuzz_${name} PRIVATE fuzz/run_corpus.cc)
    add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${corpus})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 120)
endfunction()

cooper_fuzz_target(manifest LINKS cooper_manifest
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/manifests)
cooper_fuzz_target(dockerfile LINKS cooper_manifest)
cooper_fuzz_target(ignore LINKS cooper_source)
cooper_fuzz_target(terminal LINKS cooper_log)
cooper_fuzz_target(redact LINKS cooper_log)
cooper_fuzz_target(names LINKS cooper_store)
cooper_fuzz_target(record LINKS cooper_model dep::boost_json)
cooper_fuzz_target(environment LINKS cooper_model)
cooper_fuzz_target(request LINKS cooper_build)
cooper_fuzz_target(steps LINKS cooper_engine)
cooper_fuzz_target(settings LINKS cooper_build GTest::gtest)
cooper_fuzz_target(unpack LINKS cooper_source GTest::gtest)
cooper_fuzz_target(foreign LINKS cooper_foreign GTest::gtest
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/unpack)
cooper_fuzz_target(http LINKS cooper_server cooper_rack)
cooper_fuzz_target(api LINKS cooper_api dep::boost_json)
cooper_fuzz_target(hook LINKS cooper_server cooper_rack)

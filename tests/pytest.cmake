# Python tests: one ctest test for each pytest file. The system's python3,
# because python3-pytest is a system package.
find_program(COOPER_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

#   cooper_pytest(group file... [ALONE] [DOCKER engine]): tests named <group>.<file
# without test_>.
# ALONE: needs the machine to itself, for measurements or much memory.
# DOCKER: once more, with this Docker Engine (see tests/support/docker.py) and what
# does not run in buildah; named <group>.<file>.docker-<engine>.
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tmp)
function(cooper_pytest group)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ALONE" "DOCKER" "")
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    string(REPLACE "test_" "" name ${file})
    set(test ${group}.${name})
    set(select "")
    set(docker "")
    if(arg_DOCKER)
      string(APPEND test .docker-${arg_DOCKER})
      set(select -k "not buildah")
      set(docker "COOPER_TEST_DOCKER=${arg_DOCKER};")
    endif()
    add_test(NAME ${test} COMMAND ${COOPER_PYTHON} -m pytest -q -rs --color=no
             -p no:cacheprovider -p support.pytest_report
             ${select} --basetemp=${CMAKE_CURRENT_BINARY_DIR}/tmp/${test}
             ${CMAKE_CURRENT_SOURCE_DIR}/${group}/${file}.py)
    set_tests_properties(${test} PROPERTIES TIMEOUT 1800 SKIP_RETURN_CODE 77
      RUN_SERIAL ${arg_ALONE}
      ENVIRONMENT "${docker}COOPER_BIN=${CMAKE_BINARY_DIR}/bin/cooper;PYTHONPATH=${CMAKE_CURRENT_SOURCE_DIR};PYTHONDONTWRITEBYTECODE=1;${COOPER_SANITIZER_ENV}")
  endforeach()
endfunction()

# A sanitizer's finding must not look like one of cooper's own exit codes.
set(COOPER_SANITIZER_ENV
  "ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:exitcode=99"
  "UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:abort_on_error=1")

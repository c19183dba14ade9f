# The unit tests of what uses threads run a second time, built with
# ThreadSanitizer: `tsan_tests` builds them in a tree of the tsan preset, and
# another tree runs them if COOPER_TSAN_DIR names that one (./dev test does).
set(threaded)
foreach(layer base model process store log source engine engine_buildah build cli)
  if(TARGET ${layer}_test)
    list(APPEND threaded ${layer}_test)
  endif()
endforeach()
add_custom_target(tsan_tests DEPENDS ${threaded})

set(COOPER_TSAN_DIR "" CACHE PATH "Build tree of the tsan preset, whose tests are run, too")
if(COOPER_TSAN_DIR)
  foreach(name IN LISTS threaded)
    # ThreadSanitizer of GCC 12 can't place its shadow under some kernels'
    # address randomisation.
    add_test(NAME tsan.${name} COMMAND setarch -R ${COOPER_TSAN_DIR}/tests/${name} --gtest_brief=1)
    set_tests_properties(tsan.${name} PROPERTIES TIMEOUT 300 ENVIRONMENT "${COOPER_SANITIZER_ENV}")
  endforeach()
endif()

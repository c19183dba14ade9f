# What a kill, a power cut or many processes at once must not break.
function(cooper_crash_program name)
  add_executable(crash_${name} crash/${name}.cc)
  target_include_directories(crash_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(crash_${name} PRIVATE cooper_build GTest::gtest cooper_options)
endfunction()

cooper_crash_program(driver)
cooper_crash_program(crowd)
cooper_pytest(crash test_crash_points)
set_property(TEST crash.crash_points APPEND PROPERTY ENVIRONMENT
  "COOPER_CRASH_DRIVER=$<TARGET_FILE:crash_driver>")
add_test(NAME crash.crowd COMMAND crash_crowd)
set_tests_properties(crash.crowd PROPERTIES TIMEOUT 300)

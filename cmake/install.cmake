# What `cmake --install --component cooper` copies, and the same layout inside
# the build tree, so that cooper finds its other programs in both:
#   bin/cooper  libexec/cooper/cooper-supervisor
set(COOPER_LIBEXEC ${CMAKE_INSTALL_LIBEXECDIR}/cooper)
foreach(program cooper cooper-supervisor)
  if(NOT TARGET ${program})
    continue()
  endif()
  set(folder ${COOPER_LIBEXEC})
  if(program STREQUAL cooper)
    set(folder ${CMAKE_INSTALL_BINDIR})
  endif()
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
  install(TARGETS ${program} RUNTIME DESTINATION ${folder} COMPONENT cooper)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/cooper COMPONENT cooper)

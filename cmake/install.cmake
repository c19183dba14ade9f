# What `cmake --install --component cooper` copies, and the same layout inside
# the build tree, so that cooper finds its other programs in both:
#   bin/cooper  libexec/cooper/cooper-supervisor ...
set(COOPER_LIBEXEC ${CMAKE_INSTALL_LIBEXECDIR}/cooper)
foreach(program cooper cooper-supervisor cooper-server cooper-remote cooper-fetch cooper-unpack)
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

# Completions are printed by the program itself, when it is installed.
if(TARGET cooper)
  set(completions
    bash=${CMAKE_INSTALL_DATADIR}/bash-completion/completions/cooper
    zsh=${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_cooper
    fish=${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d/cooper.fish)
  install(CODE "
    foreach(completion IN ITEMS ${completions})
      string(REGEX MATCH \"^([a-z]+)=(.*)$\" matched \${completion})
      set(shell \${CMAKE_MATCH_1})
      set(target \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/\${CMAKE_MATCH_2})
      execute_process(COMMAND $<TARGET_FILE:cooper> completion \${shell}
        OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
      message(STATUS \"Installing: \${target}\")
      file(WRITE \${target} \"\${script}\")
    endforeach()" COMPONENT cooper)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/ARCHITECTURE.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT cooper)

# For systemd, which looks into both /usr/lib and /usr/local/lib.
configure_file(${PROJECT_SOURCE_DIR}/packaging/cooper.service.in ${CMAKE_BINARY_DIR}/cooper.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cooper.service ${PROJECT_SOURCE_DIR}/packaging/cooper.socket
  DESTINATION lib/systemd/system COMPONENT cooper)
install(FILES ${PROJECT_SOURCE_DIR}/docs/server.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT cooper)

# Each layer adds its line here.
cooper_unit_test(log LINKS cooper_log
  SOURCES log_capture_test.cc log_channel_test.cc log_file_test.cc log_follow_test.cc
          log_redact_test.cc log_terminal_test.cc)

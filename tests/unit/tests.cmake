# Each layer adds its line here.
cooper_unit_test(base LINKS cooper_base
  SOURCES base_ascii_test.cc base_base64_test.cc base_file_test.cc base_hmac_test.cc base_pause_test.cc base_processors_test.cc base_sha256_test.cc base_text_test.cc base_time_test.cc)
cooper_unit_test(model LINKS cooper_model
  SOURCES model_build_test.cc model_environment_test.cc model_json_test.cc model_names_test.cc model_retention_test.cc)
cooper_unit_test(process LINKS cooper_process
  SOURCES process_child_test.cc process_family_test.cc process_pty_test.cc
          process_tree_test.cc)
cooper_unit_test(store LINKS cooper_store
  SOURCES store_audit_test.cc store_contract_test.cc store_files_test.cc store_hook_inbox_test.cc store_index_races_test.cc store_index_test.cc
          store_lock_test.cc store_recent_builds_test.cc store_rename_test.cc store_tokens_test.cc store_webhooks_test.cc)
cooper_unit_test(log LINKS cooper_log
  SOURCES log_capture_test.cc log_channel_test.cc log_file_test.cc log_follow_test.cc
          log_limit_test.cc log_redact_test.cc log_search_test.cc log_syslog_test.cc log_terminal_test.cc)

cooper_unit_test(source LINKS cooper_source dep::zstd
  SOURCES source_address_test.cc source_content_time_test.cc source_git_access_test.cc source_git_checkout_test.cc source_git_facts_test.cc source_ignore_test.cc
          source_pack_test.cc source_segments_test.cc source_tree_digest_test.cc source_tree_list_test.cc source_unpack_over_test.cc source_unpack_test.cc source_url_test.cc)
add_dependencies(source_test cooper-fetch)
cooper_unit_test(foreign LINKS cooper_foreign dep::zstd
  SOURCES source_content_meter_test.cc source_foreign_test.cc)
add_dependencies(foreign_test cooper-unpack)
cooper_unit_test(bundle LINKS cooper_bundle
  SOURCES bundle_gzip_test.cc bundle_images_test.cc bundle_tar_test.cc)
cooper_unit_test(engine LINKS cooper_engine
  SOURCES engine_containers_test.cc engine_delayed_stop_test.cc engine_docker_test.cc engine_failure_test.cc engine_file_sync_test.cc
          engine_logins_test.cc engine_memory_test.cc engine_output_test.cc engine_own_folder_test.cc engine_platform_test.cc engine_podman_test.cc engine_push_failure_test.cc
          engine_registries_test.cc
          engine_store_test.cc engine_sync_patterns_test.cc engine_sync_peer_test.cc
          engine_variables_test.cc)
cooper_unit_test(engine_buildah WHOLE LINKS cooper_engine
  SOURCES engine_buildah_test.cc engine_host_test.cc engine_stop_test.cc)
cooper_unit_test(buildkit LINKS cooper_buildkit
  SOURCES buildkit_steps_test.cc buildkit_test.cc)
cooper_unit_test(manifest LINKS cooper_manifest
  SOURCES manifest_dockerfile_test.cc manifest_errors_test.cc manifest_parse_test.cc manifest_run_test.cc)
target_compile_definitions(manifest_test PRIVATE
  COOPER_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/corpus")
cooper_unit_test(cli LINKS cooper_cli dep::boost_json util
  SOURCES cli_build_test.cc cli_builds_list_test.cc cli_commands_test.cc cli_completion_test.cc cli_env_test.cc cli_git_test.cc cli_parse_test.cc cli_secret_flags_test.cc
          cli_retention_test.cc cli_table_test.cc)
target_compile_definitions(cli_test PRIVATE COOPER_PROGRAM="$<TARGET_FILE:cooper>")
add_dependencies(cli_test cooper)
cooper_unit_test(build LINKS cooper_build
  SOURCES build_apps_to_prune_test.cc build_plan_test.cc build_provenance_test.cc
          build_prune_test.cc build_queue_order_test.cc build_queue_test.cc build_registry_test.cc build_release_use_test.cc build_root_id_test.cc build_secrets_test.cc build_container_place_test.cc build_service_plan_test.cc build_settings_test.cc build_trace_test.cc
          build_cancel_test.cc build_deploy_test.cc build_diff_test.cc build_request_test.cc build_unpacked_source_test.cc)
cooper_unit_test(rack LINKS cooper_rack
  SOURCES rack_store_source_test.cc)
cooper_unit_test(remote LINKS cooper_remote
  SOURCES remote_server_test.cc)
cooper_unit_test(api LINKS cooper_api dep::boost_json
  SOURCES api_builds_test.cc api_problem_test.cc api_query_test.cc api_releases_test.cc api_requests_test.cc)
cooper_unit_test(plugin LINKS cooper_plugin
  SOURCES plugin_flags_test.cc plugin_text_test.cc)
cooper_unit_test(quota LINKS cooper_server
  SOURCES server_quota_test.cc)
cooper_unit_test(server LINKS cooper_server cooper_rack dep::boost_json
  SOURCES server_openapi_test.cc server_client_address_test.cc server_frames_test.cc server_hook_test.cc server_log_line_test.cc server_login_limit_test.cc server_request_keys_test.cc server_request_test.cc server_text_test.cc server_tls_test.cc server_workers_test.cc)

# One file a line: cooper_pytest(integration test_<name> [ALONE])
cooper_pytest(integration test_harness)

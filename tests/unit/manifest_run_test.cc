#include "manifest/service_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cooper::manifest {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

ServiceRun only_service(const std::string& body) {
  const auto runs = parse_services_to_run("services:\n  web:\n" + body);
  return runs.value().at(0);
}

std::string error_of(const std::string& body) {
  const auto runs = parse_services_to_run("services:\n  web:\n" + body);
  return runs.has_value() ? "" : runs.error().message();
}

TEST(ServicesToRun, OfNoManifestIsWebAlone) {
  const auto runs = parse_services_to_run("").value();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].name.str(), "web");
  EXPECT_TRUE(runs[0].ports.empty());
}

TEST(ServicesToRun, KnowPortsInAllForms) {
  const std::vector<Port> kOne = {{.number = 3000}};
  EXPECT_EQ(only_service("    port: 3000\n").ports, kOne);
  EXPECT_EQ(only_service("    port: https:3000\n").ports, kOne);
  EXPECT_EQ(only_service("    port: {scheme: https, port: 3000}\n").ports, kOne);
  EXPECT_THAT(only_service("    port: 3000\n    ports: [2000, 5000/udp, 5002/tcp, 3000]\n").ports,
              ElementsAre(Port{.number = 3000}, Port{.number = 2000},
                          Port{.number = 5000, .protocol = "udp"}, Port{.number = 5002}));
  EXPECT_EQ(error_of("    port: 0\n"),
            "convox.yml:3:11: expected a port for \"port\", found \"0\"");
  EXPECT_EQ(error_of("    ports: [1, 70000]\n"),
            "convox.yml:3:16: expected a port in \"ports\", found \"70000\"");
  EXPECT_NE(error_of("    ports: 3000\n"), "");
  EXPECT_NE(error_of("    ports: [80/sctp]\n"), "");
  EXPECT_NE(error_of("    port: {scheme: http}\n"), "");
}

TEST(ServicesToRun, KnowHealthChecksAndTheirDefaults) {
  EXPECT_EQ(only_service("    port: 3000\n").health, std::nullopt);
  EXPECT_EQ(only_service("    port: 3000\n    health: false\n").health, std::nullopt);
  EXPECT_EQ(only_service("    port: 3000\n    health: {disable: true}\n").health, std::nullopt);
  EXPECT_EQ(only_service("    port: 3000\n    health: /up?full\n").health,
            (HealthCheck{.path = "/up?full", .port = 3000}));
  EXPECT_EQ(only_service("    port: 3000\n    health: {interval: 20, grace: 7}\n").health,
            (HealthCheck{.port = 3000, .grace = seconds(7), .timeout = seconds(19)}));
  const ServiceRun other =
      only_service("    port: 3000\n    health: {path: /a, port: {port: 3001, scheme: http}}\n");
  EXPECT_EQ(other.health, (HealthCheck{.path = "/a", .port = 3001}));
  EXPECT_THAT(other.ports, ElementsAre(Port{.number = 3000}, Port{.number = 3001}));
  EXPECT_NE(error_of("    health: /a\n"), "");
  EXPECT_NE(error_of("    port: 1\n    health: a\n"), "");
  EXPECT_NE(error_of("    port: 1\n    health: \"/a b\"\n"), "");
  EXPECT_NE(error_of("    port: 1\n    health: \"/a\\r\\nX: y\"\n"), "");
  EXPECT_NE(error_of("    port: 1\n    health: {timeout: soon}\n"), "");
}

TEST(ServicesToRun, KnowCommandsAsAShellDoes) {
  EXPECT_THAT(only_service("    command: bin/web -p $PORT\n").command,
              ElementsAre("bin/web", "-p", "$PORT"));
  EXPECT_THAT(only_service("    command: [a, \"b c\"]\n").command, ElementsAre("a", "b c"));
  EXPECT_TRUE(only_service("    command:\n").command.empty());
  EXPECT_NE(error_of("    command: sh -c 'x\n"), "");
  EXPECT_NE(error_of("    command: {development: x}\n"), "");
  EXPECT_EQ(shell_words("a 'b  c'd \"e\\\"f\\n\" g\\ h ''"),
            (std::vector<std::string>{"a", "b  cd", "e\"f\\n", "g h", ""}));
  EXPECT_EQ(shell_words("a 'b"), std::nullopt);
}

TEST(ServicesToRun, KnowScale) {
  EXPECT_EQ(only_service("    build: .\n").count, 1U);
  EXPECT_EQ(only_service("    scale: 0\n").count, 0U);
  EXPECT_EQ(only_service("    scale: 3-10\n").count, 3U);
  const ServiceRun run = only_service(
      "    scale: {count: 2-4, cpu: 128, memory: 512, limit: {cpu: 1500, memory: 1024}}\n");
  EXPECT_EQ(run.count, 2U);
  EXPECT_EQ(run.memory, 1024ULL << 20);
  EXPECT_EQ(run.cpus, 1500U);
  EXPECT_EQ(only_service("    scale: {memory: 512}\n").memory, 512ULL << 20);
  EXPECT_EQ(error_of("    scale: many\n"),
            "convox.yml:3:12: expected how many containers for \"scale\", found \"many\"");
  EXPECT_NE(error_of("    scale: 1000\n"), "");
  EXPECT_NE(error_of("    scale: [1]\n"), "");
}

TEST(ServicesToRun, TakeOverWhatIsMerged) {
  const auto runs =
      parse_services_to_run(
          "environment: [A=1]\nservices:\n  one: &one\n    port: 80\n    health: /up\n"
          "    termination: {grace: 45}\n  two:\n    <<: *one\n    environment: [B]\n")
          .value();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[1].health->path, "/up");
  EXPECT_EQ(runs[1].stop_timeout, seconds(45));
  ASSERT_EQ(runs[1].environment.size(), 2U);
  EXPECT_EQ(runs[1].environment[0].default_value, "1");
}

}  // namespace
}  // namespace cooper::manifest

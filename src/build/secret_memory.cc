#include "build/secret_memory.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"

#include <boost/json.hpp>

#include <sys/mman.h>
#include <unistd.h>

namespace cooper::build {
namespace json = boost::json;

Fd to_memory(const engine::BuildSecrets& secrets) {
  if (secrets.empty()) return {};
  json::array values;
  for (const engine::Secret& secret : secrets.secrets) {
    values.push_back(json::object{{"id", secret.id}, {"value", to_base64(secret.value)}});
  }
  json::array agents;
  for (const engine::SshAgent& agent : secrets.agents) {
    agents.push_back(json::object{{"id", agent.id}, {"socket", to_base64(agent.socket.string())}});
  }
  Fd memory(::memfd_create("cooper-secrets", MFD_CLOEXEC));
  if (!memory) throw_errno("memfd_create");
  write_all(memory.get(), json::serialize(json::object{{"secrets", std::move(values)},
                                                       {"agents", std::move(agents)}}));
  return memory;
}

engine::BuildSecrets from_memory(const Fd& memory) {
  engine::BuildSecrets secrets;
  if (!memory) return secrets;
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) throw_errno("lseek");
  constexpr std::size_t kMost = std::size_t{64} << 20;
  const std::string text = read_open_file(memory, "the build's secrets", kMost);
  try {
    const json::value handed = json::parse(text);
    const auto field = [](const json::value& from, const char* key) {
      return std::string(from.at(key).as_string());
    };
    for (const json::value& each : handed.at("secrets").as_array()) {
      secrets.secrets.push_back(
          {.id = field(each, "id"), .value = from_base64(field(each, "value")).value()});
    }
    for (const json::value& each : handed.at("agents").as_array()) {
      secrets.agents.push_back(
          {.id = field(each, "id"), .socket = from_base64(field(each, "socket")).value()});
    }
  } catch (const std::exception&) {  // adapter: not what to_memory writes
    throw Error(Errc::corrupt, "the build's secrets did not arrive whole");
  }
  return secrets;
}

}  // namespace cooper::build

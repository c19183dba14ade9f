#include "manifest/service_run.h"

#include "base/text.h"
#include "base/time.h"
#include "manifest/document.h"

#include <algorithm>
#include <utility>

namespace cooper::manifest {

namespace {

/// More on one host is a slip of the pen.
constexpr std::uint64_t kMostContainers = 100;
constexpr std::uint64_t kMostSeconds = 24 * 3600;

std::optional<std::uint16_t> port_number(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

/// Throws what it finds wrong, so that its functions need not pass that on.
class Reader {
 public:
  Reader(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  /// Throws Error{invalid}.
  ServiceRun read(const Service& service, const Node& services) const {
    ServiceRun run{.name = service.name, .environment = service.environment};
    const Node* const body = find_entry(services, service.name.str()).second;
    if (!body || body->is_blank()) return run;
    read_ports(run, *body);
    read_command(run, *body);
    read_health(run, *body);
    read_scale(run, *body);
    read_termination(run, *body);
    return run;
  }

 private:
  [[noreturn]] void fail(const Node& where, const std::string& message, std::string hint) const {
    throw error_at(options_, text_, where.line, where.column, message, std::move(hint));
  }

  /// nullptr if there is none, or a blank one.
  static const Node* entry(const Node& map, std::string_view key) {
    const Node* const value = find_entry(map, key).second;
    return value && !value->is_blank() ? value : nullptr;
  }

  /// `3000`, `https:3000`, `{port: 3000, scheme: https}`
  std::uint16_t port_of(const Node& node, std::string_view key) const {
    const Node* number = &node;
    if (node.kind == Node::Kind::map) number = entry(node, "port");
    if (number && number->kind == Node::Kind::text) {
      const std::string_view text = number->text;
      if (const auto port = port_number(text.substr(text.rfind(':') + 1))) return *port;
    }
    fail(number ? *number : node,
         "expected a port for \"" + std::string(key) + "\", found " +
             describe(number ? *number : node),
         "a port is a number from 1 to 65535, such as 3000 or https:3000");
  }

  void add_port(ServiceRun& run, Port port) const {
    if (std::ranges::find(run.ports, port) == run.ports.end()) run.ports.push_back(std::move(port));
  }

  void read_ports(ServiceRun& run, const Node& body) const {
    if (const Node* port = entry(body, "port")) {
      run.ports.push_back({.number = port_of(*port, "port"), .protocol = "tcp"});
    }
    const Node* ports = entry(body, "ports");
    if (!ports) return;
    if (ports->kind != Node::Kind::list) {
      fail(*ports, "expected a list for \"ports\", found " + describe(*ports),
           "write each port on a line of its own, after \"- \": 2000 or 5000/udp");
    }
    for (const Node* item : ports->items) {
      if (item->is_blank()) continue;
      const std::string_view text = item->text;
      const auto slash = std::min(text.find('/'), text.size());
      const auto number = port_number(text.substr(0, slash));
      const std::string_view protocol = slash < text.size() ? text.substr(slash + 1) : "tcp";
      if (!number || (protocol != "tcp" && protocol != "udp")) {
        fail(*item, "expected a port in \"ports\", found " + describe(*item),
             "a port is a number from 1 to 65535, such as 2000, 2000/tcp or 5000/udp");
      }
      add_port(run, {.number = *number, .protocol = std::string(protocol)});
    }
  }

  void read_command(ServiceRun& run, const Node& body) const {
    const Node* command = entry(body, "command");
    if (!command) return;
    if (command->kind == Node::Kind::list) {
      for (const Node* item : command->items) {
        if (item->kind != Node::Kind::text) {
          fail(*item, "expected a text in \"command\", found " + describe(*item),
               "write each word of the command after a \"- \", or all of them on one line");
        }
        run.command.push_back(item->text);
      }
      return;
    }
    if (command->kind != Node::Kind::text) {
      fail(*command, "expected a text for \"command\", found " + describe(*command),
           "write it on the same line, after \"command: \"");
    }
    auto words = shell_words(command->text);
    if (!words) {
      fail(*command, "a quote in \"command\" is never closed: " + describe(*command),
           "a shell's syntax needs a shell: sh -c '...'");
    }
    run.command = *std::move(words);
  }

  std::chrono::seconds seconds_of(const Node& map, std::string_view key,
                                  std::chrono::seconds otherwise) const {
    const Node* value = entry(map, key);
    if (!value) return otherwise;
    const auto number = value->kind == Node::Kind::text ? parse_number(value->text) : std::nullopt;
    if (!number || *number > kMostSeconds) {
      fail(*value, "expected seconds for \"" + std::string(key) + "\", found " + describe(*value),
           "a whole number of seconds, at most a day");
    }
    return std::chrono::seconds(*number);
  }

  /// `/path`, `false`, or `{path, port, interval, grace, timeout, disable}`
  void read_health(ServiceRun& run, const Node& body) const {
    const Node* health = entry(body, "health");
    if (!health || (health->kind == Node::Kind::text && health->text == "false")) return;
    HealthCheck check;
    const Node* path = health;
    if (health->kind == Node::Kind::map) {
      if (const Node* disable = entry(*health, "disable"); disable && disable->text == "true")
        return;
      path = entry(*health, "path");
      const std::chrono::seconds interval =
          seconds_of(*health, "interval", std::chrono::seconds(5));
      check.grace = seconds_of(*health, "grace", interval);
      check.timeout =
          seconds_of(*health, "timeout",
                     std::max(std::chrono::seconds(1), interval - std::chrono::seconds(1)));
      if (check.timeout.count() == 0) check.timeout = std::chrono::seconds(1);
      if (const Node* port = entry(*health, "port")) check.port = port_of(*port, "port");
    }
    if (path) check.path = path_of(*path);
    if (check.port == 0) check.port = first_tcp_port(run, *health);
    if (!has_tcp_port(run, check.port)) run.ports.push_back({.number = check.port});
    run.health = std::move(check);
  }

  std::string path_of(const Node& path) const {
    const auto is_plain = [](char c) { return c > ' ' && c < '\x7F'; };
    if (path.kind != Node::Kind::text || !path.text.starts_with('/') ||
        !std::ranges::all_of(path.text, is_plain)) {
      fail(path, "expected a path for \"health\", found " + describe(path),
           "a path begins with \"/\" and has no spaces: health: /status");
    }
    return path.text;
  }

  static bool has_tcp_port(const ServiceRun& run, std::uint16_t number) {
    return std::ranges::find(run.ports, Port{.number = number}) != run.ports.end();
  }

  std::uint16_t first_tcp_port(const ServiceRun& run, const Node& health) const {
    for (const Port& port : run.ports) {
      if (port.protocol == "tcp") return port.number;
    }
    fail(health, "the health check of service \"" + run.name.str() + "\" has no port to ask",
         "give the service a port: port: 3000");
  }

  /// `2`, `3-10`, `{count: 2, memory: 512, limit: {cpu: 500, memory: 1024}}`: of a range its
  /// beginning, in megabytes and thousandths of a processor.
  void read_scale(ServiceRun& run, const Node& body) const {
    const Node* scale = entry(body, "scale");
    if (!scale) return;
    if (scale->kind == Node::Kind::text) {
      run.count = count_of(*scale);
      return;
    }
    if (scale->kind != Node::Kind::map) {
      fail(*scale, "expected a number or a map for \"scale\", found " + describe(*scale),
           "write \"scale: 2\" or \"scale: {count: 2}\"");
    }
    const Node* count = entry(*scale, "count");
    if (!count) count = entry(*scale, "min");
    if (count) run.count = count_of(*count);
    // What a service asks for; beside a limit it is none.
    if (const Node* memory = entry(*scale, "memory"))
      run.memory = amount_of(*memory, "memory") << 20;
    const Node* limit = entry(*scale, "limit");
    if (!limit || limit->kind != Node::Kind::map) return;
    if (const Node* memory = entry(*limit, "memory"))
      run.memory = amount_of(*memory, "memory") << 20;
    if (const Node* cpu = entry(*limit, "cpu")) {
      run.cpus = static_cast<std::uint32_t>(amount_of(*cpu, "cpu"));
    }
  }

  unsigned count_of(const Node& node) const {
    const std::string_view text = node.text;
    const auto number = parse_number(text.substr(0, text.find('-')));
    if (node.kind != Node::Kind::text || !number || *number > kMostContainers) {
      fail(node, "expected how many containers for \"scale\", found " + describe(node),
           "a number from 0 to " + std::to_string(kMostContainers) +
               "; of a range such as 2-5 its beginning counts here");
    }
    return static_cast<unsigned>(*number);
  }

  std::uint64_t amount_of(const Node& node, std::string_view key) const {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
    const auto number = node.kind == Node::Kind::text ? parse_number(node.text) : std::nullopt;
    if (!number || *number > kMost) {
      fail(node, "expected a number for \"" + std::string(key) + "\", found " + describe(node),
           "memory is in megabytes, cpu in thousandths of a processor");
    }
    return *number;
  }

  void read_termination(ServiceRun& run, const Node& body) const {
    const Node* termination = entry(body, "termination");
    if (!termination || termination->kind != Node::Kind::map) return;
    if (entry(*termination, "grace")) {
      run.stop_timeout = seconds_of(*termination, "grace", {});
    }
  }

  std::string_view text_;
  const ParseOptions& options_;
};

}  // namespace

Result<std::vector<ServiceRun>> parse_services_to_run(std::string_view text,
                                                      const ParseOptions& options) {
  if (trim(text).empty()) {
    return std::vector<ServiceRun>{{.name = default_manifest().services[0].name}};
  }
  const Result<Manifest> manifest = parse_manifest(text, options);
  if (!manifest) return manifest.error();
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Result<Document> document = read_document(text, options);
  if (!document) return document.error();
  std::vector<ServiceRun> runs;
  try {
    const Reader reader(text, options);
    const Node& services = *find_entry(*document->root, "services").second;
    for (const Service& service : manifest->services) {
      ServiceRun run = reader.read(service, services);
      run.environment.insert(run.environment.begin(), manifest->environment.begin(),
                             manifest->environment.end());
      runs.push_back(std::move(run));
    }
  } catch (const Error& error) {  // adapter: from the reader, which stops at the first mistake
    return error;
  }
  return runs;
}

std::optional<std::vector<std::string>> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (quote == 0 && is_space) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
      // Between double quotes a shell's backslash stays before what needs none.
      const bool escapes = quote == 0 || line[at + 1] == '"' || line[at + 1] == '\\' ||
                           line[at + 1] == '$' || line[at + 1] == '`';
      if (!escapes) word += c;
      word += line[++at];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      word += c;
    }
  }
  if (quote != 0) return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace cooper::manifest

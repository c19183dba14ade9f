#include "engine/containers.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/docker_http.h"

#include <boost/json.hpp>

#include <algorithm>

namespace cooper::engine {
namespace json = boost::json;

namespace {

constexpr std::string_view kOwnLabels = "cooper.";
/// An engine that is busy with big images answers late.
constexpr std::chrono::minutes kPatience{5};

json::value parse(const std::string& body) {
  boost::system::error_code problem;
  json::value value = json::parse(body, problem);
  if (problem) throw Error(Errc::engine, "the engine's answer is no JSON");
  return value;
}

const json::value* member(const json::value* value, std::string_view key) {
  return value && value->is_object() ? value->get_object().if_contains(key) : nullptr;
}

std::string text_of(const json::value* value) {
  return value && value->is_string() ? std::string(value->get_string()) : "";
}

std::int64_t number_of(const json::value* value) {
  if (!value) return 0;
  if (value->is_int64()) return value->get_int64();
  return value->is_uint64() ? static_cast<std::int64_t>(value->get_uint64()) : 0;
}

/// {"message": "..."}
Error refusal(const HttpReply& reply, const std::string& doing) {
  boost::system::error_code problem;
  const json::value value = json::parse(reply.body, problem);
  std::string message = problem ? "" : text_of(member(&value, "message"));
  if (message.empty()) message = "HTTP status " + std::to_string(reply.status);
  return Error(Errc::engine, doing + ": " + shorten(printable(trim(message)), 400));
}

/// {"label": ["a=b", "c"]}, escaped.
std::string label_filter(const std::map<std::string, std::string>& labels) {
  json::array wanted;
  for (const auto& [key, value] : labels) {
    wanted.emplace_back(value.empty() ? key : key + "=" + value);
  }
  return percent_encoded(json::serialize(json::object{{"label", std::move(wanted)}}));
}

/// "3000/tcp"
std::optional<std::pair<std::uint16_t, std::string>> parse_port(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto number = parse_number(text.substr(0, slash));
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  const std::string_view protocol = slash < text.size() ? text.substr(slash + 1) : "tcp";
  return std::pair(static_cast<std::uint16_t>(*number), std::string(protocol));
}

std::string port_text(const PortMapping& port) {
  return std::to_string(port.container) + "/" + port.protocol;
}

json::object labels_json(const std::map<std::string, std::string>& labels) {
  json::object object;
  for (const auto& [key, value] : labels) object[key] = value;
  return object;
}

json::object host_config(const NewContainer& container, ContainerApi api) {
  json::object bindings;
  for (const PortMapping& port : container.ports) {
    json::array& places =
        bindings.emplace(port_text(port), json::array()).first->value().as_array();
    places.push_back(
        json::object{{"HostIp", port.address}, {"HostPort", std::to_string(port.host)}});
  }
  json::object config{{"NetworkMode", container.network}, {"PortBindings", std::move(bindings)}};
  // After the host's start Podman looks for `always` alone (podman-restart.service).
  config["RestartPolicy"] =
      json::object{{"Name", api == ContainerApi::docker ? "unless-stopped" : "always"}};
  // Podman's default is the journal, which is not everywhere.
  if (api == ContainerApi::podman) config["LogConfig"] = json::object{{"Type", "k8s-file"}};
  if (container.memory != 0) config["Memory"] = container.memory;
  if (container.cpus != 0) config["NanoCpus"] = std::uint64_t{container.cpus} * 1'000'000;
  return config;
}

std::string create_body(const NewContainer& container, ContainerApi api) {
  json::array environment;
  for (const auto& [name, value] : container.environment) {
    environment.emplace_back(name + "=" + value);
  }
  json::object exposed;
  for (const PortMapping& port : container.ports) exposed[port_text(port)] = json::object();
  json::object body{{"Image", container.image},
                    {"Env", std::move(environment)},
                    {"Labels", labels_json(container.labels)},
                    {"ExposedPorts", std::move(exposed)},
                    {"StopTimeout", container.stop_timeout.count()},
                    {"HostConfig", host_config(container, api)}};
  if (!container.command.empty()) {
    json::array command;
    for (const std::string& word : container.command) command.emplace_back(word);
    body["Cmd"] = std::move(command);
  }
  if (!container.alias.empty() && container.network != "host") {
    body["NetworkingConfig"] = json::object{
        {"EndpointsConfig",
         json::object{{container.network,
                       json::object{{"Aliases", json::array{json::string(container.alias)}}}}}}};
  }
  return json::serialize(body);
}

std::vector<PortMapping> ports_of(const json::value* bindings) {
  std::vector<PortMapping> ports;
  if (!bindings || !bindings->is_object()) return ports;
  for (const auto& [key, places] : bindings->get_object()) {
    const auto port = parse_port(key);
    if (!port || !places.is_array()) continue;
    for (const json::value& place : places.get_array()) {
      const auto number = parse_number(text_of(member(&place, "HostPort")));
      if (!number || *number > 65535) continue;
      ports.push_back({.container = port->first,
                       .protocol = port->second,
                       .address = text_of(member(&place, "HostIp")),
                       .host = static_cast<std::uint16_t>(*number)});
    }
  }
  std::ranges::sort(ports, {}, [](const PortMapping& port) {
    return std::tuple(port.container, port.protocol, port.host);
  });
  return ports;
}

/// Of what an engine answers when one container is looked at.
Container container_of(const json::value& facts) {
  const json::value* state = member(&facts, "State");
  const json::value* config = member(&facts, "Config");
  Container container{.id = text_of(member(&facts, "Id")),
                      .name = text_of(member(&facts, "Name")),
                      .state = text_of(member(state, "Status")),
                      .exit_code = static_cast<int>(number_of(member(state, "ExitCode"))),
                      .restarts = static_cast<std::uint64_t>(
                          std::max<std::int64_t>(0, number_of(member(&facts, "RestartCount")))),
                      .health = text_of(member(member(state, "Health"), "Status")),
                      .network = text_of(member(member(&facts, "HostConfig"), "NetworkMode")),
                      .ports = ports_of(member(member(&facts, "HostConfig"), "PortBindings"))};
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  if (container.health == "none") container.health.clear();
  if (const auto started = parse_rfc3339(text_of(member(state, "StartedAt")))) {
    container.started = started->at;
  }
  if (const json::value* labels = member(config, "Labels"); labels && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      if (key.starts_with(kOwnLabels)) container.labels.emplace(key, text_of(&value));
    }
  }
  return container;
}

}  // namespace

std::string to_text(const PortMapping& port) {
  const bool is_v6 = port.address.find(':') != std::string::npos;
  return (is_v6 ? "[" + port.address + "]" : port.address) + ":" + std::to_string(port.host) +
         " -> " + std::to_string(port.container) + (port.protocol == "tcp" ? "" : "/udp");
}

const std::string& Container::label(const std::string& key) const {
  static const std::string kNone;
  const auto found = labels.find(key);
  return found == labels.end() ? kNone : found->second;
}

std::optional<ImageFacts> Containers::find_image(const std::string& reference) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/images/" + percent_encoded(reference) + "/json"});
  if (reply.status == 404) return std::nullopt;
  if (reply.status != 200) throw refusal(reply, "image " + printable(reference));
  const json::value facts = parse(reply.body);
  ImageFacts image;
  const json::value* exposed = member(member(&facts, "Config"), "ExposedPorts");
  if (!exposed || !exposed->is_object()) return image;
  for (const auto& [key, value] : exposed->get_object()) {
    if (auto port = parse_port(key)) image.ports.push_back(*std::move(port));
  }
  std::ranges::sort(image.ports);
  return image;
}

std::string Containers::create(const NewContainer& container) const {
  const HttpReply reply =
      exchange(socket_, {.method = "POST",
                         .target = "/containers/create?name=" + percent_encoded(container.name),
                         .limit = kPatience,
                         .body = create_body(container, api_)});
  if (reply.status != 201) throw refusal(reply, "container " + container.name + " can't be made");
  const json::value made = parse(reply.body);
  return text_of(member(&made, "Id"));
}

void Containers::start(const std::string& id) const {
  const HttpReply reply =
      exchange(socket_, {.method = "POST",
                         .target = "/containers/" + percent_encoded(id) + "/start",
                         .limit = kPatience});
  if (reply.status != 204 && reply.status != 304) {
    throw refusal(reply, "container " + id.substr(0, 12) + " can't be started");
  }
}

void Containers::stop(const std::string& id, std::chrono::seconds timeout) const {
  const HttpReply reply = exchange(socket_, {.method = "POST",
                                             .target = "/containers/" + percent_encoded(id) +
                                                       "/stop?t=" + std::to_string(timeout.count()),
                                             .limit = timeout + kPatience});
  if (reply.status != 204 && reply.status != 304 && reply.status != 404) {
    throw refusal(reply, "container " + id.substr(0, 12) + " can't be stopped");
  }
}

void Containers::remove(const std::string& id) const {
  const HttpReply reply =
      exchange(socket_, {.method = "DELETE",
                         .target = "/containers/" + percent_encoded(id) + "?force=true&v=true",
                         .limit = kPatience});
  // 409: somebody else removes it at this moment.
  if (reply.status / 100 != 2 && reply.status != 404 && reply.status != 409) {
    throw refusal(reply, "container " + id.substr(0, 12) + " can't be removed");
  }
}

std::optional<Container> Containers::find(const std::string& id) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/containers/" + percent_encoded(id) + "/json"});
  if (reply.status == 404) return std::nullopt;
  if (reply.status != 200) throw refusal(reply, "container " + id.substr(0, 12));
  return container_of(parse(reply.body));
}

std::vector<Container> Containers::list(const std::map<std::string, std::string>& labels) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/containers/json?all=true&filters=" + label_filter(labels)});
  if (reply.status != 200) throw refusal(reply, "list containers");
  const json::value listed = parse(reply.body);
  std::vector<Container> containers;
  if (!listed.is_array()) return containers;
  for (const json::value& fields : listed.get_array()) {
    // Gone meanwhile: not listed.
    if (auto container = find(text_of(member(&fields, "Id")))) {
      containers.push_back(*std::move(container));
    }
  }
  std::ranges::sort(containers, {}, &Container::name);
  return containers;
}

void Containers::logs(const std::string& id, const ContainerLogs& which,
                      const std::function<void(std::string_view)>& sink,
                      std::stop_token stop) const {
  std::string target = "/containers/" + percent_encoded(id) + "/logs?stdout=true&stderr=true";
  if (which.follow) target += "&follow=true";
  if (which.timestamps) target += "&timestamps=true";
  target += "&tail=" + (which.tail ? std::to_string(*which.tail) : "all");
  if (which.since) {
    const auto seconds =
        std::chrono::floor<std::chrono::seconds>(which.since->time_since_epoch()).count();
    target += "&since=" + std::to_string(seconds);
  }
  LogFrames frames(sink);
  const std::chrono::milliseconds limit =
      which.follow ? std::chrono::milliseconds(0) : std::chrono::milliseconds(kPatience);
  const HttpReply reply = exchange(
      socket_, {.target = target, .limit = limit},
      [&](std::string_view bytes) { frames.feed(bytes); }, std::move(stop));
  if (reply.status != 200) throw refusal(reply, "the log of container " + id.substr(0, 12));
}

void Containers::create_network(const std::string& name,
                                const std::map<std::string, std::string>& labels) const {
  const json::object body{{"Name", name},
                          {"CheckDuplicate", true},
                          {"Driver", "bridge"},
                          {"Labels", labels_json(labels)}};
  const HttpReply reply = exchange(
      socket_, {.method = "POST", .target = "/networks/create", .body = json::serialize(body)});
  if (reply.status / 100 != 2) throw refusal(reply, "network " + name + " can't be made");
}

void Containers::remove_network(const std::string& name) const {
  const HttpReply reply =
      exchange(socket_, {.method = "DELETE", .target = "/networks/" + percent_encoded(name)});
  if (reply.status / 100 != 2 && reply.status != 404) {
    throw refusal(reply, "network " + name + " can't be removed");
  }
}

std::vector<std::string> Containers::list_networks(
    const std::map<std::string, std::string>& labels) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/networks?filters=" + label_filter(labels)});
  if (reply.status != 200) throw refusal(reply, "list networks");
  const json::value listed = parse(reply.body);
  std::vector<std::string> names;
  if (!listed.is_array()) return names;
  for (const json::value& network : listed.get_array()) {
    names.push_back(text_of(member(&network, "Name")));
  }
  return names;
}

void LogFrames::feed(std::string_view bytes) {
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kMostKept = std::size_t{1} << 20;
  while (!bytes.empty()) {
    if (left_ == 0) {
      const std::size_t wanted = std::min(kHeader - header_.size(), bytes.size());
      header_ += bytes.substr(0, wanted);
      bytes.remove_prefix(wanted);
      if (header_.size() < kHeader) return;
      for (const std::size_t at : {4U, 5U, 6U, 7U}) {
        left_ = (left_ << 8) | static_cast<unsigned char>(header_[at]);
      }
      header_.clear();
      continue;
    }
    const std::string_view part = bytes.substr(0, std::min(left_, kMostKept - content_.size()));
    content_ += part;
    left_ -= part.size();
    bytes.remove_prefix(part.size());
    if (left_ != 0 && content_.size() < kMostKept) continue;
    sink_(content_);
    content_.clear();
  }
}

}  // namespace cooper::engine

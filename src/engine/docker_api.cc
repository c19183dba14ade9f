#include "engine/docker_api.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/docker_http.h"
#include "engine/registry_auth.h"

#include <boost/json.hpp>

#include <chrono>

namespace cooper::engine {
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kProbeLimit{5};
constexpr std::chrono::minutes kRemovalLimit{30};  // of big images, on a slow disk
constexpr std::chrono::minutes kPullLimit{30};     // without a sign of life

std::string text_at(const json::value& value, std::string_view key) {
  const json::value* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
  return found && found->is_string() ? std::string(found->get_string()) : "";
}

json::value parse(const std::string& body) {
  boost::system::error_code problem;
  json::value value = json::parse(body, problem);
  if (problem) throw Error(Errc::engine, "the Docker Engine's answer is no JSON");
  return value;
}

/// What the engine says is wrong: {"message": "..."}.
Error refusal(const HttpReply& reply, const std::string& doing) {
  boost::system::error_code problem;
  std::string message = text_at(json::parse(reply.body, problem), "message");
  if (message.empty()) message = "HTTP status " + std::to_string(reply.status);
  return Error(Errc::engine, doing + ": " + shorten(printable(message), 300));
}

/// One line of what a pull tells: {"status":..., "id":..., "error":...}.
struct PullLine {
  std::string text;  ///< empty: nothing worth a line
  std::string error;
};

PullLine read_pull_line(std::string_view line) {
  boost::system::error_code problem;
  const json::value value = json::parse(json::string_view(line), problem);
  if (problem || !value.is_object()) return {};
  PullLine read{.error = text_at(value, "error")};
  const std::string id = text_at(value, "id");
  const std::string status = text_at(value, "status");
  // The moving parts come dozens of times for each layer.
  if (!status.empty() && status != "Downloading" && status != "Extracting" && status != "Waiting") {
    read.text = (id.empty() ? "" : id + ": ") + status;
  }
  return read;
}

}  // namespace

RepositoryTag split_reference(std::string_view reference) {
  if (const auto at = reference.find('@'); at != std::string_view::npos) {
    std::string_view name = reference.substr(0, at);
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
      name = name.substr(0, colon);  // the digest says which
    }
    return {std::string(name), std::string(reference.substr(at + 1))};
  }
  const auto colon = reference.rfind(':');
  if (colon == std::string_view::npos || reference.find('/', colon) != std::string_view::npos) {
    return {std::string(reference), "latest"};
  }
  return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

DockerFacts DockerApi::facts() const {
  const HttpReply version = exchange(socket_, {.target = "/version", .limit = kProbeLimit});
  if (version.status != 200) throw refusal(version, "the engine at " + socket_.string());
  std::string text = text_at(parse(version.body), "Version");
  if (text.empty()) {
    throw Error(Errc::engine, "what answers at " + socket_.string() + " is no Docker Engine");
  }
  const HttpReply bridge = exchange(socket_, {.target = "/networks/bridge", .limit = kProbeLimit});
  return {.version = printable(text.substr(0, text.find('+'))), .has_bridge = bridge.status == 200};
}

std::optional<std::string> DockerApi::image_id(std::string_view reference) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/images/" + url_escape(reference) + "/json"});
  if (reply.status == 404) return std::nullopt;
  if (reply.status != 200) throw refusal(reply, "image " + printable(reference));
  return text_at(parse(reply.body), "Id");
}

std::string DockerApi::pull(const std::string& reference,
                            const std::function<void(std::string_view)>& on_line,
                            std::stop_token stop) const {
  const auto [repository, tag] = split_reference(reference);
  HttpCall call{
      .method = "POST",
      .target = "/images/create?fromImage=" + url_escape(repository) + "&tag=" + url_escape(tag),
      .limit = kPullLimit};
  if (const auto login = find_login(registry_of(reference))) {
    call.headers.emplace_back("X-Registry-Auth", docker_auth_header(*login));
  }
  std::string error;
  std::string partial;
  const auto read = [&](std::string_view bytes) {
    partial += bytes;
    std::size_t end = 0;
    while ((end = partial.find('\n')) != std::string::npos) {
      const PullLine line = read_pull_line(std::string_view(partial).substr(0, end));
      if (!line.error.empty()) error = line.error;
      if (!line.text.empty()) on_line(line.text);
      partial.erase(0, end + 1);
    }
  };
  const HttpReply reply = exchange(socket_, call, read, std::move(stop));
  if (reply.status != 200) error = refusal(reply, "").message().substr(2);
  return error;
}

void DockerApi::tag(std::string_view reference, std::string_view name) const {
  const auto [repository, tag] = split_reference(name);
  const HttpReply reply = exchange(
      socket_, {.method = "POST",
                .target = "/images/" + url_escape(reference) +
                          "/tag?repo=" + url_escape(repository) + "&tag=" + url_escape(tag)});
  if (reply.status != 201) throw refusal(reply, "tag " + printable(reference));
}

std::vector<std::string> DockerApi::find_images(std::string_view prefix) {
  const HttpReply reply = exchange(socket_, {.target = "/images/json"});
  if (reply.status != 200) throw refusal(reply, "list images");
  const json::value images = parse(reply.body);
  std::vector<std::string> names;
  if (!images.is_array()) return names;
  for (const json::value& image : images.get_array()) {
    const json::value* tags =
        image.is_object() ? image.get_object().if_contains("RepoTags") : nullptr;
    if (!tags || !tags->is_array()) continue;
    for (const json::value& tag : tags->get_array()) {
      if (!tag.is_string()) continue;
      std::string name(tag.get_string());
      if (name.starts_with(prefix)) names.push_back(std::move(name));
    }
  }
  return names;
}

void DockerApi::remove_images(const std::vector<std::string>& references) {
  for (const std::string& reference : references) {
    const HttpReply reply = exchange(
        socket_,
        {.method = "DELETE", .target = "/images/" + url_escape(reference), .limit = kRemovalLimit});
    if (reply.status != 200 && reply.status != 404) {
      throw refusal(reply, "image " + printable(reference) + " can't be removed");
    }
  }
}

}  // namespace cooper::engine

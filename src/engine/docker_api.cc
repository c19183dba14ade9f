#include "engine/docker_api.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/docker_http.h"
#include "engine/docker_image.h"
#include "engine/push_failure.h"
#include "engine/registry_auth.h"

#include <boost/json.hpp>

#include <chrono>
#include <fcntl.h>
#include <map>

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

std::int64_t number_at(const json::value& value, std::string_view key) {
  const json::value* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
  return found && found->is_int64() ? found->get_int64() : 0;
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

/// What a pull or push tells, a JSON object a line: {"status":..., "id":..., "error":...}.
class TransferReader {
 public:
  explicit TransferReader(const std::function<void(std::string_view)>& on_line)
      : on_line_(on_line) {}

  void feed(std::string_view bytes) {
    partial_ += bytes;
    std::size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      read_line(std::string_view(partial_).substr(0, end));
      partial_.erase(0, end + 1);
    }
  }
  const std::string& error() const { return error_; }
  /// Of what was pushed.
  const std::string& digest() const { return digest_; }

 private:
  void read_line(std::string_view line) {
    boost::system::error_code problem;
    const json::value value = json::parse(json::string_view(line), problem);
    if (problem || !value.is_object()) return;
    if (std::string error = text_at(value, "error"); !error.empty()) error_ = std::move(error);
    const std::string id = text_at(value, "id");
    const std::string status = text_at(value, "status");
    read_digest(status);
    const std::string text = id.empty() ? status : id + ": " + status;
    if (status == "Pushing") {
      show_part(value, id);
    } else if (status.starts_with("Retrying in ")) {
      if (status == "Retrying in 1 second") on_line_(id + ": Retrying");
    } else if (!status.empty() && status != "Downloading" && status != "Extracting" &&
               status != "Waiting" && status != "Preparing") {
      on_line_(text);
    }
  }

  /// "latest: digest: sha256:<64 hex> size: 697"; of an engine with the containerd store
  /// there is no other sign of a push that went well.
  void read_digest(std::string_view status) {
    constexpr std::string_view kWords = ": digest: ";
    const auto at = status.find(kWords);
    if (at == std::string_view::npos) return;
    status.remove_prefix(at + kWords.size());
    digest_ = status.substr(0, status.find(' '));
  }

  /// A push may take long, and has no other sign of life: a line each tenth of a layer.
  void show_part(const json::value& value, const std::string& id) {
    constexpr std::int64_t kWorthALine = std::int64_t{16} << 20;
    const json::value* detail = value.get_object().if_contains("progressDetail");
    if (!detail || !detail->is_object()) return;
    const std::int64_t current = number_at(*detail, "current");
    const std::int64_t total = number_at(*detail, "total");
    if (total < kWorthALine || current > total) return;
    const std::int64_t tenth = current * 10 / total;
    std::int64_t& shown = tenths_[id];
    if (tenth <= shown) return;
    shown = tenth;
    on_line_(id + ": Pushing, " + std::to_string(tenth * 10) + "% of " +
             human_bytes(static_cast<std::uint64_t>(total)));
  }

  const std::function<void(std::string_view)>& on_line_;
  std::string partial_;
  std::string error_;
  std::string digest_;
  std::map<std::string, std::int64_t> tenths_;  // by layer
};

/// A name that an image has for a moment.
class TemporaryName {
 public:
  TemporaryName(const DockerApi& api, const std::string& image, std::string name)
      : api_(api), name_(std::move(name)) {
    api.tag(image, name_);
  }
  ~TemporaryName() {
    try {
      DockerApi(api_).remove_images({name_});
    } catch (const std::exception&) {  // boundary: the engine is gone; but for a name all is well
    }
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

 private:
  const DockerApi& api_;
  std::string name_;
};

/// {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
bool names_containerd(const json::value& info) {
  const json::value* status =
      info.is_object() ? info.get_object().if_contains("DriverStatus") : nullptr;
  return status && json::serialize(*status).find("io.containerd.snapshotter") != std::string::npos;
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
  const HttpReply info = exchange(socket_, {.target = "/info", .limit = kProbeLimit});
  return {.version = printable(text.substr(0, text.find('+'))),
          .has_bridge = bridge.status == 200,
          .has_containerd_store = info.status == 200 && names_containerd(parse(info.body))};
}

std::optional<std::string> DockerApi::image_id(std::string_view reference) const {
  const HttpReply reply =
      exchange(socket_, {.target = "/images/" + percent_encoded(reference) + "/json"});
  if (reply.status == 404) return std::nullopt;
  if (reply.status != 200) throw refusal(reply, "image " + printable(reference));
  return text_at(parse(reply.body), "Id");
}

std::optional<std::string> DockerApi::registry_digest(const std::string& reference) const {
  HttpCall call{.target = "/distribution/" + percent_encoded(reference) + "/json",
                .limit = kProbeLimit};
  if (const auto login = find_login(registry_of(reference), logins_)) {
    call.headers.emplace_back("X-Registry-Auth", docker_auth_header(*login));
  }
  try {
    const HttpReply reply = exchange(socket_, call);
    if (reply.status != 200) return std::nullopt;
    const json::value value = parse(reply.body);
    const json::value* descriptor =
        value.is_object() ? value.get_object().if_contains("Descriptor") : nullptr;
    std::string digest = descriptor ? text_at(*descriptor, "digest") : "";
    if (digest.empty()) return std::nullopt;
    return digest;
  } catch (const Error&) {  // adapter: a registry that does not answer is no answer
    return std::nullopt;
  }
}

std::string DockerApi::pull(const std::string& reference,
                            const std::function<void(std::string_view)>& on_line,
                            std::stop_token stop) const {
  const auto [repository, tag] = split_reference(reference);
  HttpCall call{.method = "POST",
                .target = "/images/create?fromImage=" + percent_encoded(repository) +
                          "&tag=" + percent_encoded(tag),
                .limit = kPullLimit};
  if (const auto login = find_login(registry_of(reference), logins_)) {
    call.headers.emplace_back("X-Registry-Auth", docker_auth_header(login));
  }
  TransferReader reader(on_line);
  const auto read = [&](std::string_view bytes) { reader.feed(bytes); };
  const HttpReply reply = exchange(socket_, call, read, std::move(stop));
  if (reply.status != 200) return refusal(reply, "").message().substr(2);
  return reader.error();
}

PushResult DockerApi::push(const std::string& name, const std::string& reference,
                           const std::function<void(std::string_view)>& on_line,
                           std::stop_token stop) const {
  const auto [repository, tag] = split_reference(reference);
  const TemporaryName temporary(*this, name, reference);
  const HttpCall call{
      .method = "POST",
      .target = "/images/" + percent_encoded(repository) + "/push?tag=" + percent_encoded(tag),
      .headers = {{"X-Registry-Auth",
                   docker_auth_header(find_login(registry_of(reference), logins_))}},
      .limit = kPullLimit};
  TransferReader reader(on_line);
  const auto read = [&](std::string_view bytes) { reader.feed(bytes); };
  const HttpReply reply = exchange(socket_, call, read, std::move(stop));
  const std::string error =
      reply.status == 200 ? reader.error() : refusal(reply, "").message().substr(2);
  if (!error.empty()) return failed_push(error);
  // An engine that shuts down ends its answers as if all were well.
  if (reader.digest().empty()) return failed_push("the engine ended it: unexpected EOF");
  return {.end = PushResult::End::pushed, .digest = reader.digest()};
}

void DockerApi::save(const std::string& name, const Fd& file, std::stop_token stop) const {
  const HttpCall call{.target = "/images/" + percent_encoded(name) + "/get", .limit = kPullLimit};
  const auto write = [&](std::string_view bytes) { write_all(file.get(), bytes); };
  const HttpReply reply = exchange(socket_, call, write, std::move(stop));
  if (reply.status != 200) throw refusal(reply, "save " + printable(name));
}

void DockerApi::write_archive(const std::string& reference, const std::filesystem::path& file,
                              std::stop_token stop) {
  save(reference, open_file(file, O_WRONLY), std::move(stop));
}

std::string DockerApi::load(const std::filesystem::path& archive, std::stop_token stop) const {
  const Fd file = open_file(archive, O_RDONLY);
  const HttpCall call{.method = "POST",
                      .target = "/images/load?quiet=1",
                      .headers = {{"Content-Type", "application/x-tar"}},
                      .limit = kPullLimit,
                      .file = file.get(),
                      .file_bytes = std::filesystem::file_size(archive)};
  TransferReader reader([](std::string_view) {});
  const auto read = [&](std::string_view bytes) { reader.feed(bytes); };
  const HttpReply reply = exchange(socket_, call, read, std::move(stop));
  if (reply.status != 200) return refusal(reply, "").message().substr(2);
  return reader.error();
}

void DockerApi::tag(std::string_view reference, std::string_view name) const {
  const auto [repository, tag] = split_reference(name);
  const HttpReply reply = exchange(socket_, {.method = "POST",
                                             .target = "/images/" + percent_encoded(reference) +
                                                       "/tag?repo=" + percent_encoded(repository) +
                                                       "&tag=" + percent_encoded(tag)});
  if (reply.status != 201) throw refusal(reply, "tag " + printable(reference));
}

std::vector<KeptImage> DockerApi::find_images(std::string_view prefix) {
  const HttpReply reply = exchange(socket_, {.target = "/images/json"});
  if (reply.status != 200) throw refusal(reply, "list images");
  const json::value images = parse(reply.body);
  std::vector<KeptImage> found;
  if (!images.is_array()) return found;
  for (const json::value& fields : images.get_array()) {
    if (!fields.is_object()) continue;
    KeptImage image = kept_image(fields.get_object());
    std::erase_if(image.names, [&](const std::string& name) { return !name.starts_with(prefix); });
    if (!image.names.empty()) found.push_back(std::move(image));
  }
  return found;
}

void DockerApi::remove_images(const std::vector<std::string>& references) {
  for (const std::string& reference : references) {
    const HttpReply reply = exchange(socket_, {.method = "DELETE",
                                               .target = "/images/" + percent_encoded(reference),
                                               .limit = kRemovalLimit});
    if (reply.status != 200 && reply.status != 404) {
      throw refusal(reply, "image " + printable(reference) + " can't be removed");
    }
  }
}

}  // namespace cooper::engine

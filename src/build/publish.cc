#include "build/publish.h"

#include "base/text.h"
#include "model/names.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>

namespace cooper::build {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

bool is_address(const std::string& text) {
  in6_addr unused{};
  return ::inet_pton(AF_INET, text.c_str(), &unused) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &unused) == 1;
}

std::optional<Publish> parse_one(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Publish publish;
  std::string_view inside = text.substr(0, equals);
  if (const auto slash = inside.find('/'); slash != std::string_view::npos) {
    publish.protocol = inside.substr(slash + 1);
    inside = inside.substr(0, slash);
  }
  if (publish.protocol != "tcp" && publish.protocol != "udp") return std::nullopt;
  if (const auto colon = inside.find(':'); colon != std::string_view::npos) {
    const auto port = parse_port(inside.substr(colon + 1));
    if (!port) return std::nullopt;
    publish.container = *port;
    inside = inside.substr(0, colon);
  }
  if (!ServiceName::parse(inside)) return std::nullopt;
  publish.service = inside;
  std::string_view outside = text.substr(equals + 1);
  if (const auto colon = outside.rfind(':'); colon != std::string_view::npos) {
    std::string_view address = outside.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) {
      address = address.substr(1, address.size() - 2);
    }
    publish.address = address;
    if (!is_address(publish.address)) return std::nullopt;
    outside = outside.substr(colon + 1);
  }
  const auto port = parse_port(outside);
  if (!port) return std::nullopt;
  publish.host = *port;
  return publish;
}

}  // namespace

std::optional<std::vector<Publish>> parse_publish(std::string_view text) {
  std::vector<Publish> all;
  if (trim(text).empty()) return all;
  for (const std::string_view part : split(text, ',')) {
    auto one = parse_one(trim(part));
    if (!one) return std::nullopt;
    const bool is_taken = std::ranges::any_of(all, [&](const Publish& other) {
      return other.host == one->host && other.protocol == one->protocol &&
             other.address == one->address;
    });
    if (is_taken) return std::nullopt;
    all.push_back(*std::move(one));
  }
  return all;
}

}  // namespace cooper::build

// cooper-server: cooper's verbs over HTTP. Started by `cooper serve`.

#include "base/error.h"
#include "base/fd.h"
#include "base/processors.h"
#include "base/text.h"
#include "rack/local_rack.h"
#include "server/listen.h"
#include "server/server.h"
#include "server/spawn.h"
#include "server/token_access.h"
#include "store/folders.h"
#include "store/layout.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

constexpr std::array kWithValue = {"--listen", "--tls-cert", "--tls-key", "--trusted-proxy",
                                   "--log-format"};

/// `--name value` pairs, `--tls-self-signed` and `--quiet`.
std::map<std::string, std::string> parse(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--tls-self-signed" || name == "--quiet") {
      options[name] = "yes";
    } else if (std::ranges::find(kWithValue, name) != kWithValue.end() && i + 1 < argc) {
      options[name] = argv[++i];
    } else {
      throw Error(Errc::invalid, "cooper-server does not know " + name,
                  "run `cooper serve --help`");
    }
  }
  return options;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) throw_errno("gethostname");
  return name.data();
}

/// Builds that waited when the host went down.
void go_on_with_queue(rack::Rack& rack) {
  try {
    for (const std::string& line : rack.resume_queue()) server::log_info(line);
  } catch (const Error& error) {  // boundary: they are tried again by the next build
    server::log_info(std::string("the queue does not go on: ") + error.what());
  }
}

/// Of a list with commas.
std::vector<server::AddressBlock> parse_proxies(std::string_view text) {
  std::vector<server::AddressBlock> proxies;
  if (text.empty()) return proxies;
  for (const std::string_view proxy : split(text, ',')) {
    proxies.push_back(server::AddressBlock::parse(proxy).value());
  }
  return proxies;
}

void run(int argc, char** argv) {
  const auto options = parse(argc, argv);
  const auto option = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  if (option("--log-format") == "json") server::set_log_format(server::LogFormat::json);
  const store::Layout layout = store::default_layout();
  rack::LocalRack rack(layout, rack::Caller::server);
  server::ServerOptions server{.sockets = server::sockets_of_systemd(),
                               .tls = std::nullopt,
                               .loops = own_processors(),
                               .limits = {},
                               .layout = layout,
                               .version = COOPER_VERSION,
                               .host_name = host_name(),
                               .proxies = parse_proxies(option("--trusted-proxy")),
                               .request_lines = option("--quiet").empty()
                                                    ? server::RequestLines::each
                                                    : server::RequestLines::none};
  if (server.sockets.empty() || !option("--listen").empty()) {
    const std::string listen = option("--listen");
    server.sockets.push_back(server::listen_on(
        server::parse_listen(listen.empty() ? "127.0.0.1:5000" : listen).value()));
  }
  store::make_folder(layout, layout.uploads(), 0700);
  if (!option("--tls-self-signed").empty()) {
    server.tls = server::self_signed(layout.server(), server.host_name);
    server::log_info("certificate " + server.tls->certificate.string() + ", SHA-256 fingerprint " +
                     server::fingerprint(server.tls->certificate));
  } else if (!option("--tls-cert").empty()) {
    server.tls = server::TlsFiles{.certificate = option("--tls-cert"), .key = option("--tls-key")};
  }
  go_on_with_queue(rack);
  const bool is_local =
      server.proxies.empty() && std::ranges::all_of(server.sockets, server::is_loopback);
  server::TokenAccess access(store::Tokens(layout), is_local
                                                        ? server::WithoutTokens::lets_all_in
                                                        : server::WithoutTokens::lets_nobody_in);
  server::run_server(rack, access, std::move(server));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-server " COOPER_VERSION);
      return 0;
    }
    run(argc, argv);
    return 0;
  } catch (const Error& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}

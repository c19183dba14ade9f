#pragma once
// The server's certificate.

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <string>

namespace cooper::server {

/// PEM files.
struct TlsFiles {
  std::filesystem::path certificate;  ///< with those that sign it, if there are any
  std::filesystem::path key;
};

/// TLS 1.2 and newer. Throws Error{invalid} for files that are no certificate and its key.
void use_certificate(boost::asio::ssl::context& context, const TlsFiles& files);

/// A key and a certificate that signs itself, for `host`, localhost and loopback addresses, valid
/// for ten years; made in the folder once, and then taken again, also by those who call it at the
/// same time. The key is 0600, and stays while it is there. Error{invalid} if it is none.
TlsFiles self_signed(const std::filesystem::path& folder, const std::string& host);

/// "SHA-256 of the certificate", as clients show it: AB:CD:...
std::string fingerprint(const std::filesystem::path& certificate);

}  // namespace cooper::server

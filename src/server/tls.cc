#include "server/tls.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string_view>

namespace cooper::server {
namespace ssl = boost::asio::ssl;

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free>>;

constexpr long kTenYears = 3650L * 24 * 3600;

void require(bool done) {
  if (!done) throw Error(Errc::internal, "OpenSSL can't make a certificate");
}

/// Whoever comes first: the other's file stays.
void write_unless_there(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  try {
    write_file_durably(path, text, mode, IfExists::fail);
  } catch (const Error& error) {  // adapter: see above
    if (error.code() != Errc::conflict) throw;
  }
}

std::string text_of(const Memory& memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate make_certificate(EVP_PKEY* key, const std::string& host) {
  Certificate made(X509_new());
  std::uint64_t serial = 0;
  require(made && RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  require(X509_set_version(made.get(), 2) == 1);
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1) == 1);
  require(X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600) != nullptr);
  require(X509_gmtime_adj(X509_getm_notAfter(made.get()), kTenYears) != nullptr);
  require(X509_set_pubkey(made.get(), key) == 1);
  X509_NAME* name = X509_get_subject_name(made.get());
  const std::string common = host.substr(0, 64);
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1,
                                     0) == 1);
  require(X509_set_issuer_name(made.get(), name) == 1);
  // Who trusts it trusts this server, and nothing that its key could sign.
  add_extension(made.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), NID_ext_key_usage, "serverAuth");
  add_extension(made.get(), NID_subject_alt_name,
                "DNS:" + host + ",DNS:localhost,IP:127.0.0.1,IP:::1");
  require(X509_sign(made.get(), key, EVP_sha256()) > 0);
  return made;
}

/// The folder's key, made if there is none. Of several processes that make one, all get the same.
Key find_or_make_key(const std::filesystem::path& path) {
  std::optional<std::string> text = read_file(path);
  if (!text) {
    const Key made(EVP_EC_gen("P-256"));
    const Memory memory(BIO_new(BIO_s_mem()));
    require(made && memory &&
            PEM_write_bio_PrivateKey(memory.get(), made.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1);
    write_unless_there(path, text_of(memory), 0600);
    text = read_file(path);
  }
  const Memory memory(
      BIO_new_mem_buf(text ? text->data() : "", text ? static_cast<int>(text->size()) : 0));
  Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
  if (key) return key;
  throw Error(Errc::invalid, path.string() + " holds no key",
              "remove it: a new one is made, and a certificate for it");
}

}  // namespace

void use_certificate(ssl::context& context, const TlsFiles& files) {
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                      ssl::context::no_tlsv1_1 | ssl::context::no_compression);
  const auto check = [](const boost::system::error_code& failure, const std::string& what) {
    if (!failure) return;
    throw Error(Errc::invalid, what + " can't be used: " + failure.message(),
                "give a certificate and its key, both as PEM files that we can read");
  };
  boost::system::error_code failure;
  context.use_certificate_chain_file(files.certificate.string(), failure);
  check(failure, "the certificate " + files.certificate.string());
  context.use_private_key_file(files.key.string(), ssl::context::pem, failure);
  check(failure, "the key " + files.key.string());
}

TlsFiles self_signed(const std::filesystem::path& folder, const std::string& host) {
  const TlsFiles files{.certificate = folder / "server.crt", .key = folder / "server.key"};
  const bool has_certificate = read_file(files.certificate).has_value();
  if (has_certificate && read_file(files.key)) return files;
  make_folders(folder, 0700);
  // The key first, and it stays as it is: so whoever makes a certificate at the same time makes one
  // for the same key, and any of them will do.
  const Key key = find_or_make_key(files.key);
  const Certificate certificate = make_certificate(key.get(), host);
  const Memory text(BIO_new(BIO_s_mem()));
  require(text && PEM_write_bio_X509(text.get(), certificate.get()) == 1);
  if (has_certificate) {  // of a key that is gone
    write_file_durably(files.certificate, text_of(text), 0644);
  } else {
    write_unless_there(files.certificate, text_of(text), 0644);
  }
  return files;
}

std::string fingerprint(const std::filesystem::path& certificate) {
  const std::string text = read_file(certificate).value_or("");
  const Memory memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Certificate read(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  if (!read) throw Error(Errc::invalid, certificate.string() + " holds no certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509(read.get(), &der);
  require(size > 0);
  const std::string digits =
      hex(sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  std::string result;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    if (i > 0) result += ':';
    for (const char c : digits.substr(i, 2)) {
      result += static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
    }
  }
  return result;
}

}  // namespace cooper::server

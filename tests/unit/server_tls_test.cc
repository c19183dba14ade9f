// The certificate that the server makes for itself.

#include "base/file.h"
#include "server/tls.h"
#include "unit/test_support.h"

#include <boost/asio/ssl/context.hpp>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <thread>
#include <vector>

namespace cooper::server {
namespace {

/// Throws if the certificate is not of the key.
void use(const TlsFiles& files) {
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
  use_certificate(context, files);
}

TEST(SelfSigned, IsTheSameForAllWhoStartAtOnce) {
  TempFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_NO_THROW(use(self_signed(folder.path() / "a", "host"))); });
  }
  for (std::thread& thread : threads) thread.join();
  const TlsFiles files = self_signed(folder.path() / "a", "host");
  const std::string first = fingerprint(files.certificate);
  EXPECT_EQ(fingerprint(self_signed(folder.path() / "a", "host").certificate), first);
}

TEST(SelfSigned, FitsWhatOfItIsThere) {
  TempFolder folder;
  const TlsFiles files = self_signed(folder.path(), "host");
  const auto key = read_file(files.key);
  remove_file(files.certificate);
  use(self_signed(folder.path(), "host"));
  EXPECT_EQ(read_file(files.key), key) << "another start may be using it";
  remove_file(files.key);
  use(self_signed(folder.path(), "host"));
  EXPECT_NE(read_file(files.key), key);
}

TEST(SelfSigned, SignsNoOthers) {
  TempFolder folder;
  const std::string text = read_file(self_signed(folder.path(), "host").certificate).value();
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), X509_free);
  ASSERT_TRUE(certificate);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0), 0);
}

}  // namespace
}  // namespace cooper::server

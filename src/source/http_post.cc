#include "source/http_post.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/fetch_program.h"

#include <sys/mman.h>
#include <unistd.h>

namespace cooper::source {

unsigned post(const HttpPost& wanted, std::stop_token stop) {
  const Fd body(::memfd_create("webhook", MFD_CLOEXEC));
  if (!body) throw_errno("memfd_create");
  write_all(body.get(), wanted.body);
  if (::lseek(body.get(), 0, SEEK_SET) < 0) throw_errno("lseek");
  std::string request = "url " + wanted.url + "\nin " + std::to_string(body.get()) + "\nseconds " +
                        std::to_string(wanted.time.count()) + "\n" + reach_line(wanted.reach);
  for (const std::string& header : wanted.headers) request += "header " + header + "\n";
  const std::string answer = ask_fetch("post", request, {body.get()},
                                       wanted.time + std::chrono::seconds(10), std::move(stop));
  return static_cast<unsigned>(parse_number(trim(answer)).value_or(0));
}

}  // namespace cooper::source

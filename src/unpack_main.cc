// cooper-unpack: unpacks the archive that is its standard input into the working folder.
// Started by cooper, not by people; see source/import_archive.h.

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/foreign/unpack_archive.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace cooper;

/// More than any honest compressor needs to be undone (xz -9: 65 MiB, zstd: 128 MiB).
[[maybe_unused]] constexpr rlim_t kMostMemory = rlim_t{512} << 20;

/// What a hostile archive may make of this process. (A sanitizer's shadow memory is none of
/// the archive's doing.)
void limit_ourselves() {
  const auto limit = [](int resource, rlim_t most) {
    const rlimit both{most, most};
    ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
  };
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_AS, kMostMemory);
#endif
  limit(RLIMIT_CORE, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

std::string run(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto number = [&](const char* name) {
    const auto value = parse_number(options[name]);
    if (value && *value > 0) return *value;
    throw Error(Errc::invalid, std::string(name) + " is missing",
                "cooper starts this program; run `cooper git:from-archive`");
  };
  const source::ImportLimits limits{.entries = number("--entries"),
                                    .bytes = number("--bytes"),
                                    .depth = number("--depth"),
                                    .ratio = number("--ratio")};
  std::optional<source::ArchiveType> said;
  if (options.contains("--type")) said = source::parse_archive_type(options["--type"]).value();
  const source::Imported imported =
      source::foreign::unpack_archive(STDIN_FILENO, ".", limits, said);
  const source::UnpackResult& unpacked = imported.unpacked;
  std::string answer = "ok " + std::string(source::text_of(imported.type));
  for (const auto count : {unpacked.files, unpacked.folders, unpacked.links, unpacked.bytes}) {
    answer += ' ' + std::to_string(count);
  }
  return answer + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-unpack " COOPER_VERSION);
      return 0;
    }
    limit_ourselves();
    write_all(STDOUT_FILENO, run(argc, argv));
    return 0;
  } catch (const Error& error) {  // boundary: main
    std::fputs(to_line(error).c_str(), stdout);
    return exit_code(error.code());
  } catch (const std::bad_alloc&) {  // boundary: main
    std::fputs(to_line({Errc::corrupt, "unpacking the archive takes too much memory"}).c_str(),
               stdout);
    return exit_code(Errc::corrupt);
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "cooper-unpack: %s\n", error.what());
    return 1;
  }
}

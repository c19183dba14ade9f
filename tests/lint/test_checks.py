"""Each check finds what it is for, and passes a tree that has none of it."""
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
LAYERS = "cooper_layer(base SOURCES base/a.cc)\ncooper_layer(model DEPENDS base LINKS x SOURCES model/a.cc)\n"
HEADER = "#pragma once\n// Tools.\n"

GOOD = {
    "src/CMakeLists.txt": LAYERS,
    "src/base/a.h": HEADER + """
namespace cooper {
/// What it does.
class Thing {
 public:
  int get() const { return f(1'000); }
};
class Later;
enum class Errc { a, b };

/// Adds.
int add(int a, int b);
int add(int a, int b,
        int c);

/// Parses.
[[nodiscard]] Result<Thing> parse_thing(std::string_view text);
std::string to_string(Errc code);
inline constexpr int kMany = 3;
}  // namespace cooper
""",
    "src/base/a.cc": """#include "base/a.h"
// system("in a comment"), catch (...)
const char* kText = "system(x) catch (...)";
const char* kRaw = R"(popen(x))";
void f() {
  process.system("a member");
  try {
    g();
  } catch (const Error&) {  // adapter: absent is an answer here
  }
}
""",
    "src/model/a.cc": '#include "base/a.h"\n#include "model/a.h"\n#include <vector>\n',
    "src/main.cc": '#include "model/a.h"\n',
    "src/programs.cmake": "add_executable(cooper main.cc)\n",
    "dev": "#!/usr/bin/env bash\necho ok\n",
}

BAD = [
    ("layers", "src/base/b.cc", '#include "model/a.h"\n', "src/base/b.cc:1: base may not include model"),
    ("layers", "src/other/b.cc", "\n", "folder other has no cooper_layer()"),
    ("layers", "src/base/b.cc", '\n#include "b.h"\n', "src/base/b.cc:2: include \"b.h\" from src/ on"),
    ("layers", "src/CMakeLists.txt", LAYERS.replace("(base ", "(base DEPENDS model "),
     "src/CMakeLists.txt:1: base may not depend on model"),
    ("calls", "src/base/b.cc", "int x = 0;\nint y = std::system(s);\n", "src/base/b.cc:2: system(:"),
    ("calls", "src/base/b.cc", "int y = 1'000; int z = atoi(s);\n", "src/base/b.cc:1: atoi(:"),
    ("calls", "src/base/b.cc", "fs::remove_all(p);\n", "remove_tree"),
    ("calls", "src/base/b.cc", "pid_t p = ::fork();\n", "processes are started by process/ only"),
    ("calls", "src/base/b.cc", "} catch (...) {\n", "catch needs"),
    ("calls", "src/base/b.cc", "} catch (...) {  // whatever\n", "catch needs"),
    ("calls", "tests/lint/allowed.txt", "atoi src/base/a.cc # old\n", "nothing left to excuse"),
    ("calls", "tests/lint/allowed.txt", "atoi src/base/a.cc\n", "an excuse is: rule path # reason"),
    ("docs", "src/base/b.h", "#pragma once\nint x;\n", "a header begins with"),
    ("docs", "src/base/b.h", HEADER + "\nclass Thing {\n  int a;\n};\n", "src/base/b.h:4: class Thing"),
    ("docs", "src/base/b.h", HEADER + "namespace x {\n\nint add(int a,\n        int b);\n}\n",
     "src/base/b.h:5: function add"),
    ("docs", "src/base/b.h", HEADER + "/// a\nint a();\n\nint b();\n", "src/base/b.h:6: function b"),
    ("docs", "src/base/b.h", HEADER + "\ntemplate <class T>\nT pick(T a) {\n  return a;\n}\n", "function pick"),
    ("docs", "src/base/b.h", HEADER + "/// a\nResult<int> parse_a();\n", "returns Result is [[nodiscard]]"),
    ("sizes", "src/base/b.cc", "\n" * 451, "451 lines, at most 450"),
    ("registered", "src/base/b.cc", "\n", "src/base/b.cc:1: is in no CMake list"),
    ("registered", "tests/integration/test_x.py", "\n", "test_x.py:1: is in no CMake list"),
    ("registered", "bench/x.sh", "\n", "bench/x.sh:1: is not executable"),
    ("format", "src/base/b.cc", "int   x;\n", "src/base/b.cc:1"),
    ("shell", "examples/x/x.sh", "#!/bin/sh\necho $1 `x`\n", "SC2086"),
]


def run(check, root):
    return subprocess.run([sys.executable, HERE / f"check_{check}.py", root], capture_output=True, text=True)


def make_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(HERE / "../../.clang-format", root)


@pytest.mark.parametrize("check", sorted({case[0] for case in BAD}))
def test_a_good_tree_passes(check, tmp_path):
    make_tree(tmp_path, GOOD)
    if check == "format":  # the good tree is written for reading
        shutil.rmtree(tmp_path / "src")
    done = run(check, tmp_path)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("check, path, text, finding", BAD)
def test_a_bad_tree_fails(check, path, text, finding, tmp_path):
    make_tree(tmp_path, {**GOOD, path: text})
    done = run(check, tmp_path)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 1, done.stdout
    assert finding in done.stdout, done.stdout


def test_an_excuse_counts(tmp_path):
    make_tree(tmp_path, {**GOOD, "src/base/b.cc": "int z = atoi(s);\n",
                         "tests/lint/allowed.txt": "atoi src/base/b.cc # a reason\n"})
    assert run("calls", tmp_path).returncode == 0


def test_every_check_is_tested_here():
    assert {p.stem.removeprefix("check_") for p in HERE.glob("check_*.py")} == {case[0] for case in BAD}

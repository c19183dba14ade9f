// The facts that a build takes from a Dockerfile, and what it must not be fooled by.

#include "base/text.h"
#include "manifest/dockerfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::manifest {
namespace {

/// `A B | 1:name=base 3:base`: declared args, then stages with line and name.
std::string facts_of(std::string_view text) {
  const Result<DockerfileFacts> facts = parse_dockerfile(text);
  if (!facts) return "ERROR " + facts.error().message();
  std::vector<std::string> words(facts->declared_args.begin(), facts->declared_args.end());
  words.emplace_back("|");
  for (const Stage& stage : facts->stages) {
    words.push_back(std::to_string(stage.line) + ":" +
                    (stage.name.empty() ? "" : stage.name + "=") + stage.base);
  }
  return join(words, " ");
}

struct Case {
  const char* name;
  std::string_view text;
  std::string_view facts;
};

class Dockerfile : public testing::TestWithParam<Case> {};

TEST_P(Dockerfile, HasTheseFacts) { EXPECT_EQ(facts_of(GetParam().text), GetParam().facts); }

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
std::string name_of(const testing::TestParamInfo<Case>& test) { return test.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Stages, Dockerfile,
    testing::Values(
        Case{"one", "FROM debian:12\n", "| 1:debian:12"},
        Case{"no_newline_at_the_end", "FROM scratch", "| 1:scratch"},
        Case{"named", "FROM a AS Build\nFROM b as development\nFROM c\n",
             "| 1:build=a 2:development=b 3:c"},
        Case{"lower_case_and_indented", "  from  a   as   b  \n", "| 1:b=a"},
        Case{"flags", "FROM --platform=$BUILDPLATFORM a AS b\n", "| 1:b=a"},
        Case{"variable", "ARG V=1\nFROM img:${V}\n", "V | 2:img:${V}"},
        Case{"windows_lines", "FROM a AS b\r\nARG X\r\n", "X | 1:b=a"},
        Case{"byte_order_mark",
             "\xEF\xBB\xBF"
             "FROM a\n",
             "| 1:a"},
        Case{"tab", "FROM\ta\tAS\tb\n", "| 1:b=a"},
        Case{"blank_lines_and_comments", "\n# FROM no\n  # FROM no\n\nFROM a\n", "| 5:a"},
        Case{"look_alikes", "FROM a\nRUN FROM b\nFROMAGE c\nLABEL from=d\nARGH x\n", "| 1:a"},
        Case{"copy_from", "FROM a AS x\nFROM b\nCOPY --from=x / /\n", "| 1:x=a 2:b"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Args, Dockerfile,
    testing::Values(
        Case{"with_and_without_default", "FROM a\nARG A\nARG B=1\nARG C=\n", "A B C | 1:a"},
        Case{"before_and_after_from", "ARG A\nFROM a\nARG B\n", "A B | 2:a"},
        Case{"several_in_a_line", "FROM a\nARG A=1 B C=\"x y\" D='p q'\n", "A B C D | 1:a"},
        Case{"quoted_whole", "FROM a\nARG \"A=x y\" 'B'\n", "A B | 1:a"},
        Case{"escaped_blank", "FROM a\nARG A=x\\ B C\n", "A C | 1:a"},
        Case{"twice", "FROM a\nARG A\nFROM b\nARG A\n", "A | 1:a 3:b"},
        Case{"bare", "FROM a\nARG\n", "| 1:a"},
        Case{"for_a_later_build", "FROM a\nONBUILD ARG A\n", "| 1:a"},
        Case{"in_a_command", "FROM a\nRUN echo ARG A\nENV ARG=1\n", "| 1:a"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Continuation, Dockerfile,
    testing::Values(Case{"of_arg", "FROM a\nARG A=1 \\\n  B\nARG C\n", "A B C | 1:a"},
                    Case{"of_from", "FROM \\\n a \\\n AS b\nFROM c", "| 1:b=a 4:c"},
                    Case{"of_run_hides", "FROM a\nRUN x && \\\n ARG NO\nARG A\n", "A | 1:a"},
                    Case{"with_blank_after_it", "FROM a\nRUN x \\  \t\n ARG NO\n", "| 1:a"},
                    Case{"with_carriage_return", "FROM a\r\nRUN x \\\r\n ARG NO\r\n", "| 1:a"},
                    Case{"over_comments_and_blank_lines",
                         "FROM a\nRUN x \\\n# note\n\n  # note \\\n ARG NO\nARG A", "A | 1:a"},
                    Case{"escaped_escape_ends", "FROM a\nRUN x \\\\\nARG A\n", "A | 1:a"},
                    Case{"at_the_end", "FROM a\nARG A \\", "A | 1:a"},
                    Case{"comments_do_not_continue", "# x \\\nFROM a\n", "| 2:a"},
                    Case{"splits_a_word", "FR\\\nOM a\nAR\\\nG A\\\nB\n", "AB | 1:a"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Directives, Dockerfile,
    testing::Values(
        Case{"escape", "# escape=`\nFROM a\nRUN x `\nARG NO\nRUN c:\\\nARG A\n", "A | 2:a"},
        Case{"escape_after_syntax",
             "# syntax=docker/dockerfile:1\n#ESCAPE = `\nFROM a\nRUN x `\nARG NO", "| 3:a"},
        Case{"too_late_after_a_comment", "# hello\n# escape=`\nFROM a\nRUN x `\nARG A\n",
             "A | 3:a"},
        Case{"too_late_after_a_blank_line", "\n# escape=`\nFROM a\nRUN x `\nARG A\n", "A | 3:a"},
        Case{"too_late_after_an_unknown_one", "# x=y\n# escape=`\nFROM a\nRUN x `\nARG A\n",
             "A | 3:a"},
        Case{"only_directives", "# syntax=x\n", "ERROR Dockerfile: has no FROM instruction"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Heredocs, Dockerfile,
    testing::Values(
        Case{"run", "FROM a\nRUN <<EOF\nARG NO\nFROM no\nEOF\nARG A\n", "A | 1:a"},
        Case{"copy", "FROM a\nCOPY <<one.txt /a\nFROM\none.txt\nARG A\n", "A | 1:a"},
        Case{"two_in_one_line", "FROM a\nCOPY <<X <<Y /d/\nARG NO\nY\nX\nFROM no\nY\nARG A\n",
             "A | 1:a"},
        Case{"quoted_end", "FROM a\nRUN cat <<'E F' <<\"G\"\nG\nE F\nARG NO\nG\nARG A\n",
             "A | 1:a"},
        Case{"tabs_stripped", "FROM a\nRUN <<-EOF\n\tARG NO\n\t\tEOF\nARG A\n", "A | 1:a"},
        Case{"tabs_kept", "FROM a\nRUN <<EOF\n\tEOF\nARG NO\nEOF\nARG A\n", "A | 1:a"},
        Case{"with_descriptor", "FROM a\nRUN cat 3<<EOF\nARG NO\nEOF\nARG A\n", "A | 1:a"},
        Case{"after_onbuild", "FROM a\nONBUILD RUN <<EOF\nARG NO\nEOF\nARG A\n", "A | 1:a"},
        Case{"end_must_be_the_whole_line", "FROM a\nRUN <<EOF\nEOF \nARG NO\nEOF\nARG A\n",
             "A | 1:a"},
        Case{"windows_lines", "FROM a\r\nRUN <<EOF\r\nARG NO\r\nEOF\r\nARG A\r\n", "A | 1:a"},
        Case{"continuation_inside_means_nothing", "FROM a\nRUN <<EOF\nx \\\nEOF\nARG A\n",
             "A | 1:a"},
        Case{"here_string_is_none", "FROM a\nRUN cat <<<EOF\nARG A\n", "A | 1:a"},
        Case{"shift_is_none", "FROM a\nRUN echo $((1<<2))\nARG A\n2))\n", "A | 1:a"},
        Case{"quoted_is_none", "FROM a\nRUN echo \"<<EOF\"\nARG A\nEOF\n", "A | 1:a"},
        Case{"not_in_other_instructions", "FROM a\nLABEL x=<<EOF <<EOF\nARG A\nEOF\n", "A | 1:a"},
        Case{"without_end_is_none", "FROM a\nRUN cat <<EOF\nARG A\n", "A | 1:a"}),
    name_of);

TEST(DockerfileErrors, AreOnlyWhatCertainlyCannotBuild) {
  const auto message = [](std::string_view text) {
    return parse_dockerfile(text, "docker/Web\x1B").error().message();
  };
  EXPECT_EQ(message(""), "docker/Web?: has no FROM instruction");
  EXPECT_EQ(message("ARG A\nRUN x\n"), "docker/Web?: has no FROM instruction");
  EXPECT_EQ(message("ARG A\n\nFROM\n"), "docker/Web?:3:1: FROM names no image");
  EXPECT_EQ(message("FROM a\nFROM --platform=x \\\n\n"), "docker/Web?:2:1: FROM names no image");
  EXPECT_EQ(message(std::string((4U << 20) + 1, '\n')), "docker/Web?: larger than 4 MiB");
  EXPECT_EQ(parse_dockerfile("").error().hint(),
            "a Dockerfile starts from an image: FROM debian:12");
  EXPECT_EQ(facts_of("FROM a\nNOSUCH x\nRUN [\"\n"), "| 1:a") << "the engine will say it";
}

TEST(DockerfileFacts, TheFirstHeredocIsRemembered) {
  const auto line = [](const char* text) { return parse_dockerfile(text).value().heredoc_line; };
  EXPECT_EQ(line("FROM a\nRUN x\nCOPY <<E /x\nb\nE\nRUN <<E\nE\n"), 3);
  EXPECT_EQ(line("FROM a\nRUN cat <<<E\nRUN echo '<<E'\nRUN <<E\n"), 0) << "none, quoted, unended";
}

TEST(DockerfileFacts, ASyntaxLineAtTheTopIsKnown) {
  const auto facts = parse_dockerfile("# escape=`\n#SYNTAX = a/b:1 \n# syntax=c\nFROM a\n").value();
  EXPECT_EQ(facts.syntax, "a/b:1");
  EXPECT_EQ(facts.syntax_line, 2);
  EXPECT_EQ(parse_dockerfile("# about\n# syntax=a\nFROM a\n").value().syntax_line, 0)
      << "after a comment it is one, too";
}

TEST(DockerfileFacts, TheFirstRunOnTheImagesOwnPlatformIsKnown) {
  const auto line = [](const char* text) { return parse_dockerfile(text).value().target_run_line; };
  EXPECT_EQ(line("FROM a\nCOPY x /\nRUN x\nRUN y\n"), 3);
  EXPECT_EQ(
      line("FROM --platform=$BUILDPLATFORM go AS b\nRUN x\nFROM b AS c\nRUN y\nFROM scratch\n"), 0);
  EXPECT_EQ(
      line("FROM --platform=$BUILDPLATFORM go AS b\nRUN x\nFROM a\nCOPY --from=b /x /\nRUN y\n"),
      5);
  EXPECT_EQ(line("FROM --platform=$TARGETPLATFORM a\nRUN y\n"), 2);
}

TEST(DockerfileFacts, LabelsAreKnownByKey) {
  const auto facts =
      parse_dockerfile("FROM a\nLABEL a.b=1 \"c d\"='x y=z' \\\n e=\nLABEL old the text\n").value();
  EXPECT_THAT(facts.labels, testing::IsSupersetOf({"a.b", "c d", "e", "old"}));
}

// Each would take minutes if the work grew with the square of the text.
TEST(DockerfileErrors, HostileTextsCostLittle) {
  const auto repeated = [](std::string_view piece) {
    std::string text = "FROM a\n";
    while (text.size() < (3U << 20)) text += piece;
    return text;
  };
  EXPECT_EQ(facts_of(repeated("RUN <<E\n")), "| 1:a") << "heredocs without end";
  EXPECT_EQ(facts_of(repeated("RUN x \\\n")), "| 1:a");
  EXPECT_EQ(facts_of(repeated("<<E ")), "| 1:a");
  EXPECT_EQ(facts_of(repeated("ARG A='\n")), "A | 1:a");
  EXPECT_EQ(facts_of(repeated("\\\n")), "| 1:a");
  EXPECT_EQ(facts_of("FROM " + std::string(1 << 20, '-') + " a"), "| 1:a");
}

/// The images that are read, "?" if they can't be told, "asks" if only an engine can tell.
std::string images_of(std::string_view text,
                      const std::vector<std::pair<std::string, std::string>>& args = {}) {
  const DockerfileFacts facts = parse_dockerfile(text).value();
  const auto images = images_read(facts, args);
  return (images ? join(*images, " ") : "?") + (facts.asks_engine ? " asks" : "");
}

TEST(ImagesRead, AreThoseThatAreNoStages) {
  EXPECT_EQ(images_of("FROM scratch\n"), "");
  EXPECT_EQ(images_of("FROM b AS x\nFROM X\nFROM a:1\n"), "a:1 b");
  EXPECT_EQ(images_of("FROM a AS b\nFROM c\nCOPY --from=b / /\nCOPY --from=0 / /\n"), "a c");
  EXPECT_EQ(images_of("FROM a\nCOPY --chown=1 --from=tools:2 / /\n"), "a tools:2");
  EXPECT_EQ(images_of("FROM a\nRUN --mount=type=bind,from=tools,target=/t --network=none x\n"),
            "a tools");
  EXPECT_EQ(images_of("FROM a\nRUN x --mount=from=no\n"), "a");
  // A stage that comes later is an image where it is named first.
  EXPECT_EQ(images_of("FROM b\nFROM a AS b\n"), "a b");
}

TEST(ImagesRead, VariablesHaveTheirValues) {
  EXPECT_EQ(images_of("ARG V=1\nFROM a:$V\nFROM b:${V}-x\n"), "a:1 b:1-x");
  EXPECT_EQ(images_of("ARG V=\"1\"\nFROM a:$V\n", {{"V", "2"}}), "a:2");
  EXPECT_EQ(images_of("ARG V=\"1\"\nFROM a:$V\n"), "a:1");
  EXPECT_EQ(images_of("ARG I=x\nFROM a AS x\nFROM $I\n"), "a");
  for (const char* text :
       {"ARG V\nFROM a:$V\n", "FROM a:$V\nARG V=1\n", "ARG V=1\nFROM a:${V:-2}\n",
        "ARG V=1\nARG W=$V\nFROM a:$W\n", "FROM a\nCOPY --from=$X / /\n", "FROM \"a\"\n",
        "ARG V=1\nFROM a:${V\n", "FROM $\n"}) {
    EXPECT_EQ(images_of(text), "?") << text;
  }
}

TEST(ImagesRead, OnlyAnEngineCanTellSome) {
  EXPECT_EQ(images_of("ARG URL=x\nFROM a\nARG URL\nADD $URL /\n"), "a asks");
  EXPECT_EQ(images_of("FROM --platform=linux/arm64 a\n"), "a asks");
  EXPECT_EQ(images_of("FROM a\nRUN --mount=\"type=bind,from=b\" x\n"), "? asks");
  EXPECT_EQ(images_of("FROM a\nRUN --mount=type=bind,From=b x\n"), "a b");
  EXPECT_EQ(images_of("FROM a\nADD https://x/y.tar /\n"), "a asks");
  EXPECT_EQ(images_of("FROM a\nADD git@x:y.git /\n"), "a asks");
  EXPECT_EQ(images_of("FROM a\nADD y.tar /\nCOPY https: /\nRUN curl https://x\n"), "a");
}

}  // namespace
}  // namespace cooper::manifest

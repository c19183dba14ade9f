// What a push asks for, what a key's owner may ask for, and the lines of authorized_keys.

#include "cli/authorized_keys.h"
#include "cli/git_push.h"
#include "cli/git_shell.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <set>

namespace cooper::cli {
namespace {

using testing::HasSubstr;

const std::string kZero(40, '0');
const std::string kOne(40, '1');
const std::string kTwo(40, '2');

TEST(GitPush, UpdatesAreRead) {
  const auto updates = parse_updates(kZero + " " + kOne + " refs/heads/main\n" + kOne + " " +
                                     kZero + " refs/tags/with space?\n");
  ASSERT_TRUE(updates);
  ASSERT_EQ(updates->size(), 2u);
  EXPECT_TRUE((*updates)[0].creates());
  EXPECT_FALSE((*updates)[0].deletes());
  EXPECT_TRUE((*updates)[1].deletes());
  EXPECT_EQ((*updates)[1].ref, "refs/tags/with space?");
  EXPECT_TRUE(parse_updates("")->empty());
}

TEST(GitPush, WhatIsNoUpdateIsRefused) {
  for (const std::string& line :
       {std::string("x"), kZero + " " + kOne, kZero + " " + kOne + " main",
        "g" + kZero.substr(1) + " " + kOne + " refs/heads/a",
        kZero + " " + kOne + "1 refs/heads/a"}) {
    EXPECT_TRUE(parse_updates(line).has_error()) << line;
  }
}

std::optional<std::string> deploy_ref_of(const std::string& property,
                                         const std::set<std::string>& there,
                                         const std::vector<std::string>& pushed) {
  std::vector<RefUpdate> updates;
  for (const std::string& ref : pushed) updates.push_back({kZero, kOne, ref});
  return deploy_ref(property, updates, [&](const std::string& ref) { return there.contains(ref); });
}

TEST(GitPush, TheDeployBranchIsTheOneThatIsThereFirst) {
  const std::string main = "refs/heads/main";
  const std::string master = "refs/heads/master";
  EXPECT_EQ(deploy_ref_of("", {}, {master, main}), main);
  EXPECT_EQ(deploy_ref_of("", {}, {master}), master);
  EXPECT_EQ(deploy_ref_of("", {master}, {main}), master);
  EXPECT_EQ(deploy_ref_of("", {master, main}, {master}), main);
  EXPECT_EQ(deploy_ref_of("", {}, {"refs/heads/x", "refs/tags/main"}), std::nullopt);
  EXPECT_EQ(deploy_ref_of("live/one", {main}, {main}), "refs/heads/live/one");
}

TEST(GitShell, OneServiceAndOneApp) {
  for (const char* command :
       {"git-receive-pack 'shop'", "git receive-pack 'shop.git'", "git-receive-pack /shop.git/",
        "git-receive-pack ~/shop", "git receive-pack '/~/shop'"}) {
    const auto request = parse_git_request(command);
    ASSERT_TRUE(request) << command;
    EXPECT_EQ(request->app.str(), "shop") << command;
    EXPECT_EQ(name_of(request->service), "receive-pack");
  }
  EXPECT_EQ(name_of(parse_git_request("git-upload-archive 'a.b-c'")->service), "upload-archive");
}

TEST(GitShell, EverythingElseIsRefused) {
  for (const char* command : {"",
                              "git-receive-pack",
                              "git-receive-pack ",
                              "git-receive-pack ''",
                              "git-receive-pack shop x",
                              "git-receive-pack 'shop",
                              "git-receive-pack shop'",
                              "git-receive-pack 'sh''op'",
                              "git-receive-pack 'shop';id",
                              "git-receive-pack 'shop' id",
                              "git-receive-pack $(id)",
                              "git-receive-pack ../shop",
                              "git-receive-pack -shop",
                              "git-receive-pack '/a/b'",
                              "git-receive-pack 'sh\nop'",
                              "git-receive-pack '~root/shop'",
                              "git-receive-pack \"shop\"",
                              "GIT-receive-pack 'shop'",
                              "git-receive-pack\t'shop'",
                              "git-receive-packs 'shop'",
                              "git-shell 'shop'",
                              "git-upload-pack '.git'",
                              "git-upload-pack '...'"}) {
    EXPECT_TRUE(parse_git_request(command).has_error()) << command;
  }
  EXPECT_TRUE(parse_git_request("git-upload-pack '" + std::string(2000, 'a') + "'").has_error());
}

// Of ssh-keygen -t ed25519, and what -l says of it.
constexpr const char* kBlob =
    "AAAAC3NzaC1lZDI1NTE5AAAAIKdyWDRQxVfBySOytj6KKnju2loA3Gm+txz4/7c0CBQk";
constexpr const char* kPrint = "SHA256:hM3rq5mfJMkjhU5vqTxXVDrckzc4KombhVqQ3zEA7rg";
const PublicKey kKey{"ssh-ed25519", kBlob};

TEST(AuthorizedKeys, AKeyIsReadFromItsFile) {
  const auto key =
      parse_public_key(std::string("# mine\r\n\nssh-ed25519  ") + kBlob + " me@host there\r\n");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->type, "ssh-ed25519");
  EXPECT_EQ(fingerprint(*key), kPrint);
}

TEST(AuthorizedKeys, ItsLinesAreToldFromOthers) {
  const std::string line = authorized_line("alice", kKey, "/usr/bin/cooper", "/var/lib/it's here");
  EXPECT_EQ(line,
            "command=\"/usr/bin/env COOPER_ROOT='/var/lib/it'\\''s here' '/usr/bin/cooper' "
            "git-shell alice\",restrict "
            "ssh-ed25519 " +
                std::string(kBlob) + " alice");
}

TEST(AuthorizedKeys, TheNameIsReadBack) {
  const auto read =
      parse_authorized_line(authorized_line("alice@x", kKey, "/usr/bin/cooper", "/root dir"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "alice@x");
  EXPECT_EQ(read->key.blob, kBlob);
  const std::string key = std::string("ssh-ed25519 ") + kBlob;
  for (const std::string& options :
       {std::string(), std::string("no-pty "),
        std::string("command=\"cooper git-shell bob\",restrict "),
        std::string("command=\"/usr/bin/env COOPER_ROOT='/x' 'y' git-shell bob\",no-pty "),
        std::string("command=\"a \\\"b c\\\" git-shell bob\",restrict ")}) {
    const auto foreign = parse_authorized_line(options + key + " comment");
    ASSERT_TRUE(foreign) << options;
    EXPECT_EQ(foreign->name, "") << options;
    EXPECT_EQ(foreign->key.blob, kBlob) << options;
  }
  EXPECT_FALSE(parse_authorized_line("# " + key));
  EXPECT_FALSE(parse_authorized_line("no key at all"));
}

TEST(AuthorizedKeys, APathThatCanNotBeWrittenIsRefused) {
  for (const char* root : {"/a\"b", "/a\nb"}) {
    EXPECT_EQ(code_of([&] { authorized_line("a", kKey, "/usr/bin/cooper", root); }), Errc::invalid);
  }
}

TEST(AuthorizedKeys, LinesOfOthersStayAsTheyAre) {
  const TempFolder folder;
  const auto file = folder / "ssh/authorized_keys";
  write_text(file, "# one\r\n\n  odd line \nlast without end");
  AuthorizedKeys keys(file);
  const std::string line = authorized_line("alice", kKey, "/c", "/r");
  keys.add("alice", kKey, line);
  EXPECT_EQ(read_file(file), "# one\r\n\n  odd line \nlast without end\n" + line + "\n");
  EXPECT_EQ(mode_of(file), 0600u);
  EXPECT_EQ(code_of([&] { keys.add("bob", kKey, line); }), Errc::conflict);
  EXPECT_EQ(code_of([&] { keys.remove("bob"); }), Errc::not_found);
  keys.remove("alice");
  EXPECT_EQ(read_file(file), "# one\r\n\n  odd line \nlast without end\n");
}

TEST(AuthorizedKeys, TheFileAndItsFolderAreMade) {
  const TempFolder folder;
  AuthorizedKeys keys(folder / "a/.ssh/authorized_keys");
  EXPECT_TRUE(keys.list().empty());
  EXPECT_EQ(code_of([&] { keys.remove("bob"); }), Errc::not_found);
  keys.add("alice", kKey, authorized_line("alice", kKey, "/c", "/r"));
  EXPECT_EQ(mode_of(folder / "a/.ssh"), 0700u);
  EXPECT_EQ(keys.list().size(), 1u);
}

}  // namespace
}  // namespace cooper::cli

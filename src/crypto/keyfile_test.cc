#include "crypto/keyfile.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "codec/codec.h"
#include "codec/testing.h"
#include "crypto/hash.h"
#include "crypto/keyfile_format.h"

namespace amic::crypto {
namespace {

namespace fs = std::filesystem;

Secret secret(std::string_view text) {
  return Secret(as_bytes(text));
}

class KeyFiles : public testing::Test {
 protected:
  KeyFiles() {
    std::string name = (fs::temp_directory_path() / "keyfile_test.XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~KeyFiles() override { fs::remove_all(directory_); }

  Bytes read(std::string const& name) {
    std::ifstream in(directory_ / name, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  void write(std::string const& name, BytesView bytes, mode_t mode = 0600) {
    fs::remove(directory_ / name);
    std::ofstream(directory_ / name, std::ios::binary) << as_text(bytes);
    ::chmod((directory_ / name).c_str(), mode);
  }
  mode_t mode(std::string const& name) {
    struct stat status {};
    ::stat((directory_ / name).c_str(), &status);
    return status.st_mode & 07777U;
  }
  std::size_t file_count() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  Code open_error(std::optional<Secret> const& passphrase) {
    return KeyLock::open(directory_, passphrase).error().code;
  }

  fs::path directory_;
  SeededRandom random_{11};
  std::optional<Secret> const passphrase_ = secret("correct horse");
};

TEST_F(KeyFiles, ProtectedRoundTrip) {
  KeyLock const made = KeyLock::create(directory_, passphrase_, random_).value();
  EXPECT_TRUE(made.is_protected());
  ASSERT_TRUE(made.save(KeyRole::kNode, as_bytes("the node's seed"), random_));
  ASSERT_TRUE(made.save(KeyRole::kTls, Bytes(internal::kKeyBytesMax, 7), random_));
  KeyLock const opened = KeyLock::open(directory_, passphrase_).value();
  EXPECT_TRUE(opened.is_protected());
  EXPECT_EQ(as_text(opened.load(KeyRole::kNode).value().view()), "the node's seed");
  EXPECT_EQ(opened.load(KeyRole::kTls).value().size(), internal::kKeyBytesMax);
  EXPECT_EQ(opened.load(KeyRole::kLog).error().code, Code::kMissingKey);
  EXPECT_EQ(mode("lock"), 0600U);
  EXPECT_EQ(mode("node.key"), 0600U);
  EXPECT_EQ(file_count(), 3U);  // no temporary file stays
  EXPECT_EQ(as_text(read("node.key")).find("seed"), std::string_view::npos);
}

TEST_F(KeyFiles, WrongOrMissingPassphrase) {
  ASSERT_TRUE(KeyLock::create(directory_, passphrase_, random_));
  EXPECT_EQ(open_error(secret("correct horsf")), Code::kWrongPassphrase);
  EXPECT_EQ(open_error(secret("")), Code::kWrongPassphrase);
  EXPECT_EQ(open_error(std::nullopt), Code::kWrongPassphrase);
}

TEST_F(KeyFiles, DevelopmentModeSaysSoInEachFile) {
  KeyLock const made = KeyLock::create(directory_, std::nullopt, random_).value();
  EXPECT_FALSE(made.is_protected());
  ASSERT_TRUE(made.save(KeyRole::kRoot, as_bytes("root"), random_));
  KeyLock const opened = KeyLock::open(directory_, std::nullopt).value();
  EXPECT_FALSE(opened.is_protected());
  EXPECT_EQ(as_text(opened.load(KeyRole::kRoot).value().view()), "root");
  for (auto name : {"lock", "root.key"})
    EXPECT_NE(as_text(read(name)).find("UNPROTECTED"), std::string_view::npos) << name;
  // Who has a passphrase is not served what anybody could have written.
  EXPECT_EQ(open_error(passphrase_), Code::kWrongPassphrase);
}

TEST_F(KeyFiles, NothingIsOverwritten) {
  KeyLock const lock = KeyLock::create(directory_, std::nullopt, random_).value();
  EXPECT_EQ(KeyLock::create(directory_, passphrase_, random_).error().code, Code::kConflict);
  ASSERT_TRUE(lock.save(KeyRole::kLog, as_bytes("first"), random_));
  EXPECT_EQ(lock.save(KeyRole::kLog, as_bytes("second"), random_).error().code, Code::kConflict);
  EXPECT_EQ(as_text(lock.load(KeyRole::kLog).value().view()), "first");
  // A link that leads nowhere is in the way too.
  fs::create_symlink("nowhere", directory_ / "cosigner.key");
  EXPECT_EQ(lock.save(KeyRole::kCosigner, as_bytes("x"), random_).error().code, Code::kConflict);
  EXPECT_EQ(file_count(), 3U);
}

TEST_F(KeyFiles, MissingAndMisplaced) {
  EXPECT_EQ(open_error(passphrase_), Code::kMissingKey);
  fs::create_directory(directory_ / "lock");
  EXPECT_EQ(open_error(passphrase_), Code::kForbidden);
  fs::remove(directory_ / "lock");
  ::mkfifo((directory_ / "lock").c_str(), 0600);
  EXPECT_EQ(open_error(passphrase_), Code::kForbidden);  // and does not wait for a writer
}

TEST_F(KeyFiles, FilesOpenToOthersAreRefused) {
  KeyLock const lock = KeyLock::create(directory_, std::nullopt, random_).value();
  ASSERT_TRUE(lock.save(KeyRole::kNode, as_bytes("seed"), random_));
  for (mode_t const bad : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0644U}) {
    ::chmod((directory_ / "node.key").c_str(), bad);
    EXPECT_EQ(lock.load(KeyRole::kNode).error().code, Code::kForbidden) << bad;
    ::chmod((directory_ / "lock").c_str(), bad);
    EXPECT_EQ(open_error(std::nullopt), Code::kForbidden) << bad;
  }
  ::chmod((directory_ / "node.key").c_str(), 0400);
  EXPECT_TRUE(lock.load(KeyRole::kNode));
}

TEST_F(KeyFiles, EveryChangedByteOfAKeyIsNoticed) {
  for (bool const is_protected : {true, false}) {
    fs::remove(directory_ / "lock");
    fs::remove(directory_ / "sealing.key");
    KeyLock const lock =
        KeyLock::create(directory_, is_protected ? passphrase_ : std::nullopt, random_).value();
    ASSERT_TRUE(lock.save(KeyRole::kSealing, Bytes(32, 5), random_));
    Bytes const good = read("sealing.key");
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes changed = good;
      changed[i] ^= 1;
      write("sealing.key", changed);
      EXPECT_EQ(lock.load(KeyRole::kSealing).error().code, Code::kCorrupt) << i;
      write("sealing.key", BytesView(good).first(i));
      EXPECT_EQ(lock.load(KeyRole::kSealing).error().code, Code::kCorrupt) << i;
    }
    Bytes longer = good;
    longer.push_back(0);
    write("sealing.key", longer);
    EXPECT_EQ(lock.load(KeyRole::kSealing).error().code, Code::kCorrupt);
    write("sealing.key", Bytes(internal::kFileBytesMax + 1));
    EXPECT_EQ(lock.load(KeyRole::kSealing).error().code, Code::kCorrupt);
    // The key of another role, under its name and with its role byte.
    write("log.key", good);
    EXPECT_EQ(lock.load(KeyRole::kLog).error().code, Code::kCorrupt);
    Bytes relabelled = good;
    relabelled[9] = static_cast<std::uint8_t>(KeyRole::kLog);
    write("log.key", relabelled);
    EXPECT_EQ(lock.load(KeyRole::kLog).error().code, Code::kCorrupt);
  }
}

TEST_F(KeyFiles, AnUnprotectedKeyIsNotTakenUnderAProtectedLock) {
  KeyLock const open_lock = KeyLock::create(directory_, std::nullopt, random_).value();
  ASSERT_TRUE(open_lock.save(KeyRole::kNode, as_bytes("planted"), random_));
  fs::remove(directory_ / "lock");
  KeyLock const lock = KeyLock::create(directory_, passphrase_, random_).value();
  EXPECT_EQ(lock.load(KeyRole::kNode).error().code, Code::kCorrupt);
}

TEST_F(KeyFiles, EveryChangedByteOfALockIsNoticed) {
  ASSERT_TRUE(KeyLock::create(directory_, passphrase_, random_));
  Bytes const good = read("lock");
  std::size_t const fixed = good.size() - internal::kSaltBytes - Hash::kSize;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 1;
    write("lock", changed);
    // Salt and check cost an Argon2id each: every byte goes the same way, so one in eight will do.
    if (i < fixed || i % 8 == 0) {
      Code const code = open_error(passphrase_);
      EXPECT_TRUE(code == Code::kCorrupt || code == Code::kWrongPassphrase) << i;
    }
    write("lock", BytesView(good).first(i));
    EXPECT_EQ(open_error(passphrase_), Code::kCorrupt) << i;
  }
  write("lock", good);
  EXPECT_TRUE(KeyLock::open(directory_, passphrase_));
}

TEST(LockFormat, CostIsBoundedBeforeItIsPaid) {
  internal::LockFile lock;
  lock.is_protected = true;
  for (auto const bad :
       {internal::LockCost{0, 65536}, internal::LockCost{9, 65536}, internal::LockCost{2, 1024},
        internal::LockCost{2, 1U << 20U}, internal::LockCost{UINT32_MAX, UINT32_MAX}}) {
    lock.cost = bad;
    EXPECT_EQ(internal::parse_lock(internal::encode_lock(lock)).error().code, Code::kCorrupt);
  }
  lock.cost = {2, 65536};
  EXPECT_TRUE(internal::parse_lock(internal::encode_lock(lock)));
}

TEST_F(KeyFiles, DirectoriesThatCantBeWritten) {
  KeyLock const lock = KeyLock::create(directory_, std::nullopt, random_).value();
  fs::path const file = directory_ / "lock";
  EXPECT_EQ(KeyLock::create(file, std::nullopt, random_).error().code, Code::kIo);
  EXPECT_EQ(KeyLock::create(directory_ / "absent", std::nullopt, random_).error().code, Code::kIo);
  EXPECT_EQ(KeyLock::open(file, std::nullopt).error().code, Code::kIo);
  fs::remove_all(directory_);
  EXPECT_EQ(lock.save(KeyRole::kNode, as_bytes("x"), random_).error().code, Code::kIo);
  EXPECT_EQ(lock.load(KeyRole::kNode).error().code, Code::kMissingKey);
  // procfs takes no new files, not even from root.
  auto const refused = KeyLock::create("/proc/self", std::nullopt, random_).error();
  EXPECT_TRUE(refused.code == Code::kIo || refused.code == Code::kReadOnly) << refused.text();
}

TEST_F(KeyFiles, SizesAndEmptyPassphrases) {
  EXPECT_EQ(KeyLock::create(directory_, Secret(), random_).error().code, Code::kUsage);
  KeyLock const lock = KeyLock::create(directory_, std::nullopt, random_).value();
  EXPECT_EQ(lock.save(KeyRole::kNode, {}, random_).error().code, Code::kOutOfRange);
  EXPECT_EQ(lock.save(KeyRole::kNode, Bytes(internal::kKeyBytesMax + 1), random_).error().code,
            Code::kOutOfRange);
}

Bytes golden(std::string const& name) {
  return codec::testing::golden_bytes("key-files/" + name + ".hex");
}

// The bytes of version 1 never change.
TEST_F(KeyFiles, GoldenFilesOpen) {
  for (auto name : {"lock", "node.key"}) write(name, golden(name));
  KeyLock const lock = KeyLock::open(directory_, secret("golden passphrase")).value();
  EXPECT_EQ(codec::to_hex(lock.load(KeyRole::kNode).value().view()),
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  fs::remove(directory_ / "lock");
  fs::remove(directory_ / "node.key");
  write("lock", golden("unprotected-lock"));
  write("node.key", golden("unprotected-node.key"));
  EXPECT_EQ(codec::to_hex(KeyLock::open(directory_, std::nullopt)->load(KeyRole::kNode)->view()),
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

TEST(KeyRoles, HaveNames) {
  EXPECT_EQ(key_role_name(KeyRole::kRoot), "root");
  EXPECT_EQ(key_role_name(KeyRole::kTls), "tls");
}

class Passphrases : public KeyFiles {
 protected:
  static std::string text(Result<Secret> const& got) {
    return got ? std::string(as_text(got->view())) : std::string(code_name(got.error().code));
  }
  std::string from_file(std::string_view content, mode_t mode = 0600) {
    write("pass", as_bytes(content), mode);
    return text(read_passphrase("file:" + (directory_ / "pass").string(), ""));
  }
};

TEST_F(Passphrases, FirstLineOfAFile) {
  EXPECT_EQ(from_file("one\ntwo\n"), "one");
  EXPECT_EQ(from_file("one"), "one");
  EXPECT_EQ(from_file(" a b \r\n"), " a b ");
  EXPECT_EQ(from_file(""), "usage");
  EXPECT_EQ(from_file("\nx"), "usage");
  EXPECT_EQ(from_file(std::string(1024, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(from_file(std::string(1025, 'x')), "too_large");
  EXPECT_EQ(from_file("x", 0440), "x");
  EXPECT_EQ(from_file("x", 0644), "forbidden");
  EXPECT_EQ(text(read_passphrase("file:" + (directory_ / "no").string(), "")), "missing_key");
}

TEST_F(Passphrases, FirstLineOfADescriptorAndNoMore) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "first\nsecond\n", 13), 13);
  ::close(ends[1]);
  std::string const spec = "fd:" + std::to_string(ends[0]);
  EXPECT_EQ(text(read_passphrase(spec, "")), "first");
  EXPECT_EQ(text(read_passphrase(spec, "")), "second");
  EXPECT_EQ(text(read_passphrase(spec, "")), "usage");
  ::close(ends[0]);
  EXPECT_EQ(text(read_passphrase(spec, "")), "io");
  for (auto bad : {"fd:", "fd:-1", "fd:x", "fd:1x", "fd:99999999999"})
    EXPECT_EQ(text(read_passphrase(bad, "")), "usage") << bad;
}

TEST_F(Passphrases, EnvironmentAndUnknown) {
  ::setenv("AMIC_TEST_PASSPHRASE", "from env", 1);
  EXPECT_EQ(text(read_passphrase("env:AMIC_TEST_PASSPHRASE", "")), "from env");
  ::unsetenv("AMIC_TEST_PASSPHRASE");
  EXPECT_EQ(text(read_passphrase("env:AMIC_TEST_PASSPHRASE", "")), "usage");
  for (auto bad : {"", "secret", "pass:x", "file", "PROMPT"})
    EXPECT_EQ(text(read_passphrase(bad, "")), "usage") << bad;
}

class Terminal : public Passphrases {
 protected:
  void SetUp() override {
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0)
      GTEST_SKIP() << "no pseudo-terminals here";
    slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    ASSERT_GE(slave_, 0);
  }
  void TearDown() override {
    ::close(slave_);
    ::close(master_);
  }
  // Types after the prompt has come, which is after the echo has gone.
  std::string typed(std::string_view keys) {
    std::string got;
    std::thread reader([&] { got = text(internal::read_passphrase_tty(slave_, "Key? ")); });
    std::string shown(5, ' ');
    for (std::size_t i = 0; i < shown.size(); ++i)
      if (::read(master_, &shown[i], 1) != 1) break;
    EXPECT_EQ(shown, "Key? ");
    EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    reader.join();
    char rest[64];
    ssize_t const size = ::read(master_, rest, sizeof rest);
    echoed_ = std::string(rest, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    termios now{};
    ::tcgetattr(slave_, &now);
    EXPECT_NE(now.c_lflag & ECHO, 0U);
    return got;
  }
  int master_ = -1;
  int slave_ = -1;
  std::string echoed_;
};

TEST_F(Terminal, ReadsWithoutEchoAndRestores) {
  EXPECT_EQ(typed("hunter2\r"), "hunter2");
  EXPECT_EQ(echoed_, "\r\n");
  EXPECT_EQ(typed("wrong\x15right\x7f\n"), "righ");
  EXPECT_EQ(typed("a\xC3\xA9\x7f"
                  "b\n"),
            "ab");
  EXPECT_EQ(typed("abc\x03"), "usage");
  EXPECT_EQ(typed("\n"), "usage");
}

TEST_F(Terminal, OnlyTerminals) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(text(internal::read_passphrase_tty(ends[0], "")), "usage");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Passwords, HashAndVerify) {
  std::string const phc = password_hash(as_bytes("swordfish"));
  EXPECT_TRUE(phc.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << phc;
  EXPECT_TRUE(password_verify(phc, as_bytes("swordfish")));
  EXPECT_FALSE(password_verify(phc, as_bytes("swordfisH")));
  EXPECT_FALSE(password_verify(phc, {}));
  EXPECT_FALSE(password_verify("", as_bytes("swordfish")));
  EXPECT_FALSE(password_verify("$argon2id$", as_bytes("swordfish")));
  EXPECT_FALSE(password_verify(std::string(500, '$'), as_bytes("swordfish")));
  EXPECT_FALSE(password_verify(phc + std::string(1, '\0'), as_bytes("swordfish")));
}

}  // namespace
}  // namespace amic::crypto

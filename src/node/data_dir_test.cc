#include "node/data_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "node/files.h"

namespace amic::node {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = (fs::temp_directory_path() / "amic-test.XXXXXX").string();
    root = ::mkdtemp(pattern.data());
  }
  ~Files() override {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  fs::path root;

  static unsigned mode_of(fs::path const& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
  }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(root), fs::directory_iterator()));
  }
};

TEST_F(Files, NewFilesArePrivateWholeAndNeverReplaced) {
  ASSERT_TRUE(write_new_file(root / "a", "first"));
  EXPECT_EQ(mode_of(root / "a"), 0600U);
  EXPECT_EQ(read_file(root / "a").value(), "first");
  EXPECT_EQ(write_new_file(root / "a", "second").error().code, Code::kConflict);
  EXPECT_EQ(read_file(root / "a").value(), "first");
  EXPECT_EQ(count(), 1U) << "no temporary file is left";
}

TEST_F(Files, ADanglingLinkIsNotFollowed) {
  fs::create_symlink(root / "elsewhere", root / "a");
  EXPECT_EQ(write_new_file(root / "a", "x").error().code, Code::kConflict);
  EXPECT_FALSE(fs::exists(root / "elsewhere"));
}

TEST_F(Files, WritingSaysWhatIsWrong) {
  EXPECT_EQ(write_new_file(root / "none" / "a", "x").error().code, Code::kNotFound);
  EXPECT_EQ(write_new_file(root / "", "x").error().code, Code::kUsage);
}

TEST_F(Files, ReadingIsBoundedAndOfRegularFilesOnly) {
  EXPECT_EQ(read_file(root / "none").error().code, Code::kNotFound);
  EXPECT_EQ(read_file(root).error().code, Code::kForbidden);
  ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(root / "pipe").error().code, Code::kForbidden);
  ASSERT_TRUE(write_new_file(root / "a", std::string(100, 'x')));
  EXPECT_EQ(read_file(root / "a", 100).value().size(), 100U);
  EXPECT_EQ(read_file(root / "a", 99).error().code, Code::kTooLarge);
}

TEST_F(Files, DataDirIsPrivateAndItsCreationIdempotent) {
  DataDir const made = DataDir::create(root / "node").value();
  ASSERT_TRUE(write_new_file(made.store() / "kept", "x"));
  ASSERT_TRUE(DataDir::create(root / "node"));
  EXPECT_TRUE(fs::exists(made.store() / "kept"));
  for (auto const& path :
       {made.root(), made.keys(), made.store(), made.run(), made.launch_file().parent_path()})
    EXPECT_EQ(mode_of(path), 0700U) << path;
  EXPECT_EQ(DataDir::open(root / "node").error().code, Code::kNotFound) << "no config.toml yet";
}

TEST_F(Files, DataDirIsRefusedWhereOthersMayWrite) {
  fs::create_directory(root / "open");
  ASSERT_EQ(::chmod((root / "open").c_str(), 0777), 0);
  EXPECT_EQ(DataDir::create(root / "open").error().code, Code::kForbidden);
  EXPECT_TRUE(fs::is_empty(root / "open"));
  ASSERT_TRUE(write_new_file(root / "file", "x"));
  EXPECT_EQ(DataDir::create(root / "file").error().code, Code::kForbidden);
  EXPECT_EQ(DataDir::create(root / "none" / "node").error().code, Code::kNotFound);
}

TEST_F(Files, ErrorsOfContentsNameTheFile) {
  DataDir const made = DataDir::create(root / "node").value();
  ASSERT_TRUE(write_new_file(made.card_file(), "not a card"));
  auto const card = made.card();
  ASSERT_FALSE(card);
  EXPECT_NE(card.error().detail.find("card.txt"), std::string::npos);
  EXPECT_FALSE(made.launch().value().has_value());
  ASSERT_TRUE(write_new_file(made.launch_file(), "not a transcript"));
  EXPECT_NE(made.launch().error().detail.find("launch.txt"), std::string::npos);
}

}  // namespace
}  // namespace amic::node

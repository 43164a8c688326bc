// The layout of a node's data directory (mode 0700):
//   config.toml           settings; written last by init, so its presence means "complete"
//   card.txt              this member's card, armoured
//   keys/                 lock and one file per role (crypto/keyfile.h)
//   community/launch.txt  the launch transcript, armoured; present once the node has joined
//   community/history.txt the history as a file, if this node was given one; the log is the truth
//   store/                the log and the index
//   run/                  lock, sockets and pid of a running node
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "consent/head.h"
#include "node/config.h"

namespace amic::node {

class DataDir {
 public:
  // Makes what is missing of the directories; never changes or removes anything. kForbidden if the
  // directory belongs to another user or others may write there; kReadOnly, kNotFound (parent).
  static Result<DataDir> create(std::filesystem::path const& root);
  // kNotFound if there is no complete node.
  static Result<DataDir> open(std::filesystem::path const& root);

  std::filesystem::path const& root() const { return root_; }
  std::filesystem::path config_file() const { return root_ / "config.toml"; }
  std::filesystem::path card_file() const { return root_ / "card.txt"; }
  std::filesystem::path keys() const { return root_ / "keys"; }
  std::filesystem::path launch_file() const { return root_ / "community" / "launch.txt"; }
  // The history as it was given to who joined later; see read_history_file().
  std::filesystem::path history_file() const { return root_ / "community" / "history.txt"; }
  std::filesystem::path store() const { return root_ / "store"; }
  std::filesystem::path run() const { return root_ / "run"; }

  // config.toml without the environment; see with_environment().
  Result<Config> config() const;
  Result<consent::Card> card() const;
  // Verified anew on each call. nullopt if the node has not joined a community.
  Result<std::optional<consent::Transcript>> launch() const;

 private:
  explicit DataDir(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

}  // namespace amic::node

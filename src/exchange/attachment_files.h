// Where sealed files lie on the disk of a node. Everything here is ciphertext: the keys are in the
// descriptions, in the log. Any thread; one file at a time by one.
//
//   DIR/ab/abcd...          a whole file, named by its root in hex
//   DIR/ab/abcd....leaves   of a file of this node's: the hashes of its chunks
//   DIR/part/<id>           what has been fetched so far of one description's file, in order
//   DIR/new/<random>        a file that is being sealed; emptied at start
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"

namespace amic::exchange {

// An open file. Errors: kDiskFull, kReadOnly, kNotFound, kIo at the file's name.
class SealedFile {
 public:
  SealedFile() = default;
  SealedFile(SealedFile&& other) noexcept;
  SealedFile& operator=(SealedFile&& other) noexcept;
  ~SealedFile();

  enum class Mode { kRead, kCreate, kAppend };  // kCreate: must not exist; kAppend: made if missing
  static Result<SealedFile> open(std::filesystem::path path, Mode mode);
  bool is_open() const { return fd_ >= 0; }
  std::filesystem::path const& path() const { return path_; }
  Result<std::uint64_t> size() const;
  // kCorrupt if the file ends before.
  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
  // If it fails, nothing says how much was written: truncate().
  Result<void> append(BytesView bytes);
  Result<void> truncate(std::uint64_t size);
  Result<void> sync();  // contents and size are on the disk

 private:
  int fd_ = -1;
  std::filesystem::path path_;
};

class AttachmentFiles {
 public:
  // Makes what is missing of the directories (mode 0700) and empties new/.
  static Result<AttachmentFiles> open(std::filesystem::path directory);

  bool holds(Hash const& root) const;
  Result<SealedFile> read(Hash const& root) const {
    return SealedFile::open(path_of(root), SealedFile::Mode::kRead);
  }
  // kCorrupt if they are not those of `root`.
  Result<std::vector<Hash>> leaves(Hash const& root) const;

  Result<SealedFile> create(Random& random) const;
  // `file` is durable under its root when this returns OK, with its leaves; else where it was.
  Result<void> place(SealedFile& file, Hash const& root, std::vector<Hash> const& leaves) const;
  static void discard(SealedFile const& file);

  Result<SealedFile> part(EnvelopeId const& id) const;
  std::uint64_t part_size(EnvelopeId const& id) const;  // 0 if there is none
  Result<void> place_part(EnvelopeId const& id, Hash const& root) const;
  void remove_part(EnvelopeId const& id) const;
  // The file and its leaves. OK if there are none.
  Result<void> remove(Hash const& root) const;

  // Bytes that this process may still write on that disk.
  Result<std::uint64_t> room() const;

  std::vector<EnvelopeId> parts() const;
  // Whole files that were last changed before `before_ms`.
  std::vector<Hash> roots_before(UnixMs before_ms) const;

 private:
  explicit AttachmentFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path path_of(Hash const& root) const;
  std::filesystem::path part_of(EnvelopeId const& id) const;
  Result<void> prepare(Hash const& root) const;

  std::filesystem::path directory_;
};

}  // namespace amic::exchange

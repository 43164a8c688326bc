// Private keys at rest: one file per role, mode 0600, sealed under a passphrase (Argon2id by
// libsodium, then AES-256-GCM), or loudly unprotected for development. Layout: FORMATS.md.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::crypto {

enum class KeyRole : std::uint8_t {
  kRoot = 1,
  kGovernance = 2,
  kNode = 3,
  kLog = 4,
  kCosigner = 5,
  kSealing = 6,
  kTls = 7,
};
std::string_view key_role_name(KeyRole role);  // "root", "governance", ...

// The key that opens key files, derived once per directory from passphrase and salt: so loading six
// files costs one Argon2id. Unprotected = development mode, said in each file and by
// is_protected().
class KeyLock {
 public:
  // Creates `directory`/lock (salt, cost). kConflict if it exists. An empty optional = unprotected.
  static Result<KeyLock> create(std::filesystem::path const& directory,
                                std::optional<Secret> const& passphrase, Random& random);
  // Reads `directory`/lock. kMissingKey if absent, kWrongPassphrase if it does not verify or if a
  // protected directory is opened without one.
  static Result<KeyLock> open(std::filesystem::path const& directory,
                              std::optional<Secret> const& passphrase);
  bool is_protected() const { return protected_; }
  // The same lock for key files in another directory, which needs no lock file of its own.
  KeyLock at(std::filesystem::path directory) const;

  // Writes <directory>/<role>.key durably (temporary file, fsync, rename, fsync of the directory).
  // kConflict if the file exists: keys are never overwritten.
  Result<void> save(KeyRole role, BytesView secret, Random& random) const;
  // kMissingKey, kCorrupt (bad format or tag), kReadOnly/kIo. Refuses files readable by others.
  Result<Secret> load(KeyRole role) const;

 private:
  std::filesystem::path directory_;
  bool protected_ = false;
  Secret kek_;
};

// Passphrases: first line of a file, of a descriptor, or typed at the terminal without echo.
// `spec` is "file:PATH", "fd:N", "env:NAME" or "prompt".
Result<Secret> read_passphrase(std::string const& spec, std::string const& prompt_text);

// Argon2id password hash string (PHC format) for accounts and tokens of people.
std::string password_hash(BytesView password);
bool password_verify(std::string const& phc, BytesView password);

}  // namespace amic::crypto

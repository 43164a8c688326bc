// The two files of docs/formats/key-files.md as bytes. For the files of this module.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"

namespace amic::crypto::internal {

inline constexpr std::size_t kSaltBytes = 16;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kKeyBytesMax = 16 << 10;   // a TLS key in PEM is the largest
inline constexpr std::size_t kFileBytesMax = 20 << 10;  // either file, with its frame
inline constexpr std::size_t kPassphraseBytesMax = 1024;

// What Argon2id costs. Bounded on reading: a damaged file must not take all memory.
struct LockCost {
  std::uint32_t passes = 2;
  std::uint32_t memory_kib = 64 << 10;
  bool operator==(LockCost const&) const = default;
};

struct LockFile {
  bool is_protected = false;
  LockCost cost;
  std::array<std::uint8_t, kSaltBytes> salt{};
  Hash check;  // of the passphrase if protected, else of the bytes before it
};

// The bytes before `check`, which it covers.
Bytes lock_head(LockFile const& lock);
Bytes encode_lock(LockFile const& lock);
// kCorrupt for anything but a lock file.
Result<LockFile> parse_lock(BytesView bytes);

struct KeyFile {
  KeyRole role = KeyRole::kRoot;
  bool is_protected = false;
  std::array<std::uint8_t, kNonceBytes> nonce{};
  Secret body;  // protected: ciphertext || tag, else secret || first 16 bytes of the check
};

// What a passphrase gives under a lock, by Argon2id.
struct LockKeys {
  Secret kek;
  Hash check;
};
// kUnavailable: not enough memory.
Result<LockKeys> derive_lock_keys(LockFile const& lock, Secret const& passphrase);

// The bytes before `nonce`: the additional data of the seal, so role and protection are bound.
Bytes key_head(KeyRole role, bool is_protected);
Bytes encode_key(KeyFile const& file);
Result<KeyFile> parse_key(BytesView bytes);

// 16 bytes over head and secret: finds a damaged disk in an unprotected file.
Bytes unprotected_check(KeyRole role, BytesView secret);

// Opens `file`, which must be for `role` and as protected as the lock it lies beside. kCorrupt.
Result<Secret> open_key(KeyFile const& file, KeyRole role, bool is_protected, BytesView kek);

// First line at the terminal behind `descriptor`, echo off, the terminal restored after.
Result<Secret> read_passphrase_tty(int descriptor, std::string_view prompt_text);

}  // namespace amic::crypto::internal

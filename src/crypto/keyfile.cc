#include "crypto/keyfile.h"

#include <sodium.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/durable_file.h"
#include "crypto/hash.h"
#include "crypto/internal.h"
#include "crypto/keyfile_format.h"

namespace amic::crypto {

namespace {

constexpr std::string_view kLockName = "lock";
constexpr unsigned kModeRefused = 077;
constexpr std::string_view kKekLabel = "amic/key-lock/v1/kek";
constexpr std::string_view kCheckLabel = "amic/key-lock/v1/check";
constexpr std::string_view kRoleNames[] = {"",    "root",     "governance", "node",
                                           "log", "cosigner", "sealing",    "tls"};

// libsodium wants a pointer for no bytes as well.
std::string_view passphrase_text(BytesView passphrase) {
  return passphrase.empty() ? std::string_view("") : as_text(passphrase);
}

std::filesystem::path key_path(std::filesystem::path const& directory, KeyRole role) {
  return directory / (std::string(key_role_name(role)) + ".key");
}

}  // namespace

Result<internal::LockKeys> internal::derive_lock_keys(LockFile const& lock,
                                                      Secret const& passphrase) {
  init_sodium();
  Secret master(std::size_t{32});
  std::string_view const text = passphrase_text(passphrase.view());
  int const done = crypto_pwhash(
      master.mutable_view().data(), master.size(), text.data(), text.size(), lock.salt.data(),
      lock.cost.passes, std::size_t{lock.cost.memory_kib} << 10U, crypto_pwhash_ALG_ARGON2ID13);
  if (done != 0) return fail(Code::kUnavailable, "lock", "not enough memory for Argon2id");
  LockKeys out;
  out.kek = crypto::hkdf_expand(master.view(), as_bytes(kKekLabel), 32);
  Bytes info = to_bytes(kCheckLabel);
  append(info, lock_head(lock));
  out.check = *Hash::from(crypto::hkdf_expand(master.view(), info, Hash::kSize).view());
  return out;
}

std::string_view key_role_name(KeyRole role) {
  auto const index = static_cast<std::size_t>(role);
  CHECK(index > 0 && index < std::size(kRoleNames));
  return kRoleNames[index];
}

Result<KeyLock> KeyLock::create(std::filesystem::path const& directory,
                                std::optional<Secret> const& passphrase, Random& random) {
  internal::LockFile lock;
  KeyLock out;
  out.directory_ = directory;
  out.protected_ = lock.is_protected = passphrase.has_value();
  if (passphrase) {
    if (passphrase->empty()) return fail(Code::kUsage, "lock", "an empty passphrase");
    random.fill(lock.salt);
    AMIC_TRY(internal::LockKeys keys, internal::derive_lock_keys(lock, *passphrase));
    lock.check = keys.check;
    out.kek_ = std::move(keys.kek);
  } else {
    lock.check = sha256(internal::lock_head(lock));
  }
  AMIC_TRY_VOID(
      internal::create_private_file(directory / kLockName, internal::encode_lock(lock), random));
  return out;
}

Result<KeyLock> KeyLock::open(std::filesystem::path const& directory,
                              std::optional<Secret> const& passphrase) {
  AMIC_TRY(Secret const bytes, internal::read_private_file(directory / kLockName, kModeRefused,
                                                           internal::kFileBytesMax));
  AMIC_TRY(internal::LockFile const lock, internal::parse_lock(bytes.view()));
  // Also the other way round: who has a passphrase must not be served keys anybody could have put
  // there.
  if (lock.is_protected != passphrase.has_value())
    return fail(Code::kWrongPassphrase, "lock",
                lock.is_protected ? "the keys are protected: a passphrase is needed"
                                  : "the keys are not protected: open them without a passphrase");
  KeyLock out;
  out.directory_ = directory;
  out.protected_ = lock.is_protected;
  if (!lock.is_protected) return out;
  AMIC_TRY(internal::LockKeys keys, internal::derive_lock_keys(lock, *passphrase));
  if (!equal_constant_time(keys.check.view(), lock.check.view()))
    return fail(Code::kWrongPassphrase, "lock", "the passphrase is wrong or the lock is damaged");
  out.kek_ = std::move(keys.kek);
  return out;
}

KeyLock KeyLock::at(std::filesystem::path directory) const {
  KeyLock out = *this;
  out.directory_ = std::move(directory);
  return out;
}

Result<void> KeyLock::save(KeyRole role, BytesView secret, Random& random) const {
  if (secret.empty() || secret.size() > internal::kKeyBytesMax)
    return fail(Code::kOutOfRange, "key." + std::string(key_role_name(role)),
                "a key has 1 to 16384 bytes");
  internal::KeyFile file;
  file.role = role;
  file.is_protected = protected_;
  file.body = Secret(secret.size() + kAeadTagBytes);
  std::span<std::uint8_t> const body = file.body.mutable_view();
  if (protected_) {
    random.fill(file.nonce);
    internal::Gcm(Aead::kAes256Gcm, kek_.view(), true)
        .seal(file.nonce, internal::key_head(role, true), secret, body);
  } else {
    Bytes const check = internal::unprotected_check(role, secret);
    std::copy(secret.begin(), secret.end(), body.begin());
    std::copy(check.begin(), check.end(), body.last(check.size()).begin());
  }
  Bytes encoded = internal::encode_key(file);
  auto done = internal::create_private_file(key_path(directory_, role), encoded, random);
  sodium_memzero(encoded.data(), encoded.size());
  return done;
}

Result<Secret> KeyLock::load(KeyRole role) const {
  AMIC_TRY(Secret const bytes, internal::read_private_file(key_path(directory_, role), kModeRefused,
                                                           internal::kFileBytesMax));
  AMIC_TRY(internal::KeyFile const file, internal::parse_key(bytes.view()));
  return internal::open_key(file, role, protected_, kek_.view());
}

std::string password_hash(BytesView password) {
  internal::init_sodium();
  char out[crypto_pwhash_STRBYTES];
  std::string_view const text = passphrase_text(password);
  // Fails only without memory.
  CHECK(crypto_pwhash_str(out, text.data(), text.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0);
  return out;
}

bool password_verify(std::string const& phc, BytesView password) {
  internal::init_sodium();
  if (phc.size() >= crypto_pwhash_STRBYTES || phc.find('\0') != std::string::npos) return false;
  std::string_view const text = passphrase_text(password);
  return crypto_pwhash_str_verify(phc.c_str(), text.data(), text.size()) == 0;
}

}  // namespace amic::crypto

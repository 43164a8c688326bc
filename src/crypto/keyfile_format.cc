#include "crypto/keyfile_format.h"

#include "base/check.h"
#include "codec/codec.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

namespace amic::crypto::internal {

namespace {

constexpr std::string_view kLockMagic = "AMICLOCK";
constexpr std::string_view kKeyMagic = "AMIC-KEY";
constexpr std::uint8_t kVersion = 1;
// In clear text at the front of the file, for whoever opens it with a pager.
constexpr std::string_view kUnprotectedNotice = "UNPROTECTED KEY: FOR DEVELOPMENT ONLY";
constexpr std::size_t kCheckBytes = 16;

constexpr LockCost kCostMin{1, 8 << 10};
constexpr LockCost kCostMax{8, 256 << 10};

std::string_view notice(bool is_protected) {
  return is_protected ? std::string_view{} : kUnprotectedNotice;
}

bool in_bounds(LockCost const& cost) {
  return cost.passes >= kCostMin.passes && cost.passes <= kCostMax.passes &&
         cost.memory_kib >= kCostMin.memory_kib && cost.memory_kib <= kCostMax.memory_kib;
}

// Magic, version, then the flag with its notice: alike in both files.
void write_flag(codec::Writer& out, bool is_protected) {
  out.u8(is_protected ? 1 : 0).str8(notice(is_protected));
}

bool read_flag(codec::Reader& in) {
  std::uint8_t const flag = in.u8();
  if (flag > 1) in.reject(Code::kCorrupt, "the protection is 0 or 1");
  if (in.str8() != notice(flag == 1)) in.reject(Code::kCorrupt, "the notice does not fit");
  return flag == 1;
}

void read_magic(codec::Reader& in, std::string_view magic) {
  if (as_text(in.raw(magic.size())) != magic) in.reject(Code::kCorrupt, "not such a file");
  if (in.ok() && in.u8() != kVersion) in.reject(Code::kCorrupt, "an unknown version");
}

// Whatever is wrong with a file of our own making, it is damaged.
Result<void> finish(codec::Reader& in) {
  auto done = in.finish();
  if (!done) return fail(Code::kCorrupt, done.error().where, done.error().detail);
  return {};
}

}  // namespace

Bytes lock_head(LockFile const& lock) {
  codec::Writer out;
  out.raw(as_bytes(kLockMagic)).u8(kVersion);
  write_flag(out, lock.is_protected);
  LockCost const cost = lock.is_protected ? lock.cost : LockCost{0, 0};
  out.u32(cost.passes).u32(cost.memory_kib).raw(lock.salt);
  return out.take();
}

Bytes encode_lock(LockFile const& lock) {
  codec::Writer out;
  out.raw(lock_head(lock)).raw(lock.check.view());
  return out.take();
}

Result<LockFile> parse_lock(BytesView bytes) {
  codec::Reader in(bytes, "lock");
  read_magic(in, kLockMagic);
  LockFile lock;
  lock.is_protected = read_flag(in);
  lock.cost.passes = in.u32();
  lock.cost.memory_kib = in.u32();
  BytesView const salt = in.raw(kSaltBytes);
  std::copy(salt.begin(), salt.end(), lock.salt.begin());
  lock.check = in.fixed<Hash>();
  bool const cost_fits = lock.is_protected ? in_bounds(lock.cost) : lock.cost == LockCost{0, 0};
  if (!cost_fits) in.reject(Code::kCorrupt, "the cost is out of bounds");
  if (!lock.is_protected && in.ok() && lock.check != sha256(lock_head(lock)))
    in.reject(Code::kCorrupt, "the check does not fit");
  AMIC_TRY_VOID(finish(in));
  return lock;
}

Bytes key_head(KeyRole role, bool is_protected) {
  codec::Writer out;
  out.raw(as_bytes(kKeyMagic)).u8(kVersion).u8(static_cast<std::uint8_t>(role));
  write_flag(out, is_protected);
  return out.take();
}

Bytes encode_key(KeyFile const& file) {
  codec::Writer out;
  out.raw(key_head(file.role, file.is_protected)).raw(file.nonce).vec16(file.body.view());
  return out.take();
}

Result<KeyFile> parse_key(BytesView bytes) {
  codec::Reader in(bytes, "key");
  read_magic(in, kKeyMagic);
  KeyFile file;
  std::uint8_t const role = in.u8();
  if (role < static_cast<std::uint8_t>(KeyRole::kRoot) ||
      role > static_cast<std::uint8_t>(KeyRole::kTls))
    in.reject(Code::kCorrupt, "an unknown role");
  file.role = static_cast<KeyRole>(role);
  file.is_protected = read_flag(in);
  BytesView const nonce = in.raw(kNonceBytes);
  std::copy(nonce.begin(), nonce.end(), file.nonce.begin());
  if (!file.is_protected && file.nonce != decltype(file.nonce){})
    in.reject(Code::kCorrupt, "an unprotected key has no nonce");
  BytesView const body = in.vec16(kKeyBytesMax + kAeadTagBytes);
  if (body.size() <= kAeadTagBytes) in.reject(Code::kCorrupt, "no key in it");
  AMIC_TRY_VOID(finish(in));
  file.body = Secret(body);
  return file;
}

Bytes unprotected_check(KeyRole role, BytesView secret) {
  Hash const hash = sha256({key_head(role, false), secret});
  return to_bytes(hash.view().first(kCheckBytes));
}

Result<Secret> open_key(KeyFile const& file, KeyRole role, bool is_protected, BytesView kek) {
  std::string const where = "key." + std::string(key_role_name(role));
  if (file.role != role) return fail(Code::kCorrupt, where, "it is the key of another role");
  if (file.is_protected != is_protected)
    return fail(Code::kCorrupt, where, "its protection differs from the lock's");
  if (!is_protected) {
    std::size_t const size = file.body.size() - kCheckBytes;
    BytesView const secret = file.body.view().first(size);
    if (!equal_constant_time(unprotected_check(role, secret), file.body.view().subspan(size)))
      return fail(Code::kCorrupt, where, "the check does not fit");
    return Secret(secret);
  }
  CHECK(kek.size() == aead_key_bytes(Aead::kAes256Gcm));
  Secret out(file.body.size() - kAeadTagBytes);
  if (!Gcm(Aead::kAes256Gcm, kek, false)
           .open(file.nonce, key_head(role, true), file.body.view(), out.mutable_view()))
    return fail(Code::kCorrupt, where, "it does not open under this lock");
  return out;
}

}  // namespace amic::crypto::internal

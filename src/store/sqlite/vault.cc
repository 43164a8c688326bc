#include "store/sqlite/vault.h"

#include <algorithm>
#include <array>

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kOverhead = crypto::kAeadNonceBytes + crypto::kAeadTagBytes;
constexpr std::size_t kWrappedBytes = kKeyBytes + kOverhead;
constexpr std::size_t kCachedKeys = 256;
constexpr std::array<std::uint8_t, crypto::kAeadNonceBytes> kZeroNonce{};

Bytes numbered(std::string_view domain, std::uint64_t number) {
  return codec::Writer().raw(as_bytes(domain)).u64(number).take();
}
Bytes wrap_aad(std::uint64_t seq) {
  return numbered("amic/store/dek/v1", seq);
}
Bytes dictionary_aad(std::uint64_t dict) {
  return numbered("amic/store/dict/v1", dict);
}

using RowAad = std::array<std::uint8_t, 9>;
RowAad row_aad(Sealed what, std::uint64_t number) {
  RowAad out{static_cast<std::uint8_t>(what)};
  for (std::size_t i = 0; i < 8; ++i) out[8 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return out;
}

tl::unexpected<Error> erased(std::uint64_t seq) {
  return fail(Code::kUnavailable, "log.db", "record " + std::to_string(seq) + " was erased");
}

}  // namespace

DataKey::DataKey(crypto::Secret key)
    : key_(std::move(key)), opener_(key_.view(), crypto::AeadKey::Use::kOpen) {}

Result<void> DataKey::open(BytesView nonce, BytesView aad, BytesView sealed,
                           std::span<std::uint8_t> out) {
  std::lock_guard const lock(mutex_);
  return opener_.open(nonce, aad, sealed, out);
}

Result<std::unique_ptr<Vault>> Vault::make(Options const& options) {
  std::unique_ptr<Vault> vault(new Vault);
  vault->random_ = options.random != nullptr ? options.random : &vault->system_random_;
  if (!options.key) return vault;
  if (options.key->size() != kKeyBytes)
    return fail(Code::kUsage, "store.key", "the key of a store has 32 bytes");
  auto const derive = [&](std::string_view info, std::size_t size) {
    return crypto::hkdf_expand(options.key->view(), as_bytes(info), size);
  };
  crypto::Secret const key = derive("amic/store/wrap/v1", kKeyBytes);
  vault->kek_.emplace(key.view());
  crypto::Secret const check = derive("amic/store/check/v1", 8);
  for (std::uint8_t const byte : check.view()) vault->check_ = vault->check_ << 8 | byte;
  // SQL integers are signed; 0 says that there is no key.
  vault->check_ = (vault->check_ & INT64_MAX) | 1;
  return vault;
}

Result<void> Vault::check(Connection& log) const {
  AMIC_TRY(std::uint64_t const made_under, meta_get(log, "key_check"));
  if (made_under == check_) return {};
  if (made_under == 0)
    return fail(Code::kConflict, "store.key", "this store was made without encryption");
  if (check_ == 0) return fail(Code::kMissingKey, "store.key", "this store is encrypted");
  return fail(Code::kWrongPassphrase, "store.key", "this store was made under another key");
}

void Vault::random(std::span<std::uint8_t> out) {
  std::lock_guard const lock(random_mutex_);
  random_->fill(out);
}

// nonce || ciphertext || tag
Bytes Vault::wrap(BytesView aad, BytesView plain) {
  Bytes out(plain.size() + kOverhead);
  auto const nonce = std::span(out).first(crypto::kAeadNonceBytes);
  random(nonce);
  std::lock_guard const lock(kek_->mutex);
  kek_->sealer.seal(nonce, aad, plain, std::span(out).subspan(nonce.size()));
  return out;
}

bool Vault::open_under_kek(BytesView aad, BytesView stored, std::span<std::uint8_t> out) {
  std::lock_guard const lock(kek_->mutex);
  return kek_->opener
      .open(stored.first(crypto::kAeadNonceBytes), aad, stored.subspan(crypto::kAeadNonceBytes),
            out)
      .has_value();
}

Result<Bytes> Vault::seal_record(Connection& log, std::uint64_t seq, BytesView bytes) {
  if (!encrypts()) return to_bytes(bytes);
  crypto::Secret key(kKeyBytes);
  random(key.mutable_view());
  Bytes const wrapped = wrap(wrap_aad(seq), key.view());
  Query insert(log, "INSERT INTO dek (seq, wrapped) VALUES (?, ?)");
  AMIC_TRY_VOID(insert.bind(seq).bind(BytesView(wrapped)).run());
  // The only message of its key under this nonce: those of the index have random ones.
  return crypto::aead_seal(crypto::Aead::kAes256Gcm, key.view(), kZeroNonce, {}, bytes);
}

Result<Bytes> Vault::seal_again(Connection& log, std::uint64_t seq, BytesView bytes, bool& made) {
  if (!encrypts()) return to_bytes(bytes);
  auto const key = unwrap(log, seq);
  // The same message as before under this key and nonce.
  if (key) return crypto::aead_seal(crypto::Aead::kAes256Gcm, key->view(), kZeroNonce, {}, bytes);
  if (key.error().code != Code::kCorrupt) return fail(key.error());
  forget(seq);
  made = true;
  Query remove(log, "DELETE FROM dek WHERE seq = ?");
  AMIC_TRY_VOID(remove.bind(seq).run());
  return seal_record(log, seq, bytes);
}

Result<Bytes> Vault::open_record(Connection& log, std::uint64_t seq, BytesView stored) {
  if (!encrypts()) return to_bytes(stored);
  AMIC_TRY(crypto::Secret const key, unwrap(log, seq));
  auto plain = crypto::aead_open(crypto::Aead::kAes256Gcm, key.view(), kZeroNonce, {}, stored);
  if (!plain)
    return fail(Code::kCorrupt, "log.db", "record " + std::to_string(seq) + " does not decrypt");
  return plain;
}

std::size_t Vault::plain_size(std::size_t stored) const {
  return encrypts() ? stored - std::min(stored, crypto::kAeadTagBytes) : stored;
}

Result<void> Vault::destroy(Connection& log, std::uint64_t seq) {
  forget(seq);
  if (!encrypts()) return {};
  Bytes const nothing(kWrappedBytes);
  Query overwrite(log, "UPDATE dek SET wrapped = ? WHERE seq = ?");
  return overwrite.bind(BytesView(nothing)).bind(seq).run();
}

Result<crypto::Secret> Vault::unwrap(Connection& log, std::uint64_t seq) {
  Query query(log, "SELECT wrapped FROM dek WHERE seq = ?");
  query.bind(seq);
  AMIC_TRY(bool const row, query.step());
  if (!row)
    return fail(Code::kCorrupt, "log.db", "record " + std::to_string(seq) + " has no data key");
  BytesView const wrapped = query.blob(0);
  if (wrapped.size() == kWrappedBytes &&
      std::all_of(wrapped.begin(), wrapped.end(), [](std::uint8_t b) { return b == 0; }))
    return erased(seq);
  crypto::Secret key(kKeyBytes);
  if (wrapped.size() != kWrappedBytes ||
      !open_under_kek(wrap_aad(seq), wrapped, key.mutable_view()))
    return fail(Code::kCorrupt, "log.db",
                "the data key of record " + std::to_string(seq) + " does not open");
  return key;
}

SharedKey Vault::cached(std::uint64_t seq) {
  std::lock_guard const lock(cache_mutex_);
  auto const found = by_seq_.find(seq);
  if (found == by_seq_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->key;
}

Result<SharedKey> Vault::load(Connection& log, std::uint64_t seq) {
  if (auto key = cached(seq)) return key;
  AMIC_TRY(auto secret, unwrap(log, seq));
  auto key = std::make_shared<DataKey>(std::move(secret));
  std::lock_guard const lock(cache_mutex_);
  auto const [at, fresh] = by_seq_.try_emplace(seq);
  if (!fresh) return at->second->key;  // another thread was first
  recent_.push_front({seq, key});
  at->second = recent_.begin();
  if (recent_.size() > kCachedKeys) {
    by_seq_.erase(recent_.back().seq);
    recent_.pop_back();
  }
  return key;
}

void Vault::forget(std::uint64_t seq) {
  std::lock_guard const lock(cache_mutex_);
  auto const found = by_seq_.find(seq);
  if (found == by_seq_.end()) return;
  recent_.erase(found->second);
  by_seq_.erase(found);
}

Bytes Vault::seal_dictionary(std::uint64_t dict, BytesView raw) {
  return encrypts() ? wrap(dictionary_aad(dict), raw) : to_bytes(raw);
}

Result<Bytes> Vault::open_dictionary(std::uint64_t dict, BytesView stored) {
  if (!encrypts()) return to_bytes(stored);
  Bytes raw(stored.size() - std::min(stored.size(), kOverhead));
  if (stored.size() < kOverhead || !open_under_kek(dictionary_aad(dict), stored, raw))
    return fail(Code::kCorrupt, "idx.db", "a dictionary does not decrypt");
  return raw;
}

Result<Connection*> Keys::connection() {
  if (!lease_) {
    AMIC_TRY(auto lease, log_.take());
    lease_.emplace(std::move(lease));
  }
  return &**lease_;
}

Result<DataKey*> Keys::of(std::uint64_t seq) {
  if (key_ != nullptr && seq_ == seq) return key_.get();
  auto key = vault_.cached(seq);
  if (key == nullptr) {
    AMIC_TRY(Connection* const log, connection());
    AMIC_TRY(key, vault_.load(*log, seq));
  }
  key_ = std::move(key);
  seq_ = seq;
  return key_.get();
}

Result<BytesView> Keys::open(Sealed what, std::uint64_t number, std::uint64_t seq,
                             BytesView stored) {
  if (stored.empty() || !encrypts()) return stored;
  if (stored.size() < kOverhead) return fail(Code::kCorrupt, "idx.db", "a ciphertext is cut short");
  AMIC_TRY(DataKey* const key, of(seq));
  plain_.resize(stored.size() - kOverhead);
  RowAad const aad = row_aad(what, number);
  if (!key->open(stored.first(crypto::kAeadNonceBytes), aad,
                 stored.subspan(crypto::kAeadNonceBytes), plain_))
    return fail(Code::kCorrupt, "idx.db",
                "what it holds of record " + std::to_string(seq) + " does not decrypt");
  return BytesView(plain_);
}

Result<Bytes> Keys::seal(Sealed what, std::uint64_t number, std::uint64_t seq, BytesView plain) {
  if (plain.empty() || !encrypts()) return to_bytes(plain);
  if (!sealer_ || sealer_seq_ != seq) {
    AMIC_TRY(DataKey* const key, of(seq));
    lease_.reset();  // a batch takes long, and connections are few
    sealer_.emplace(key->bytes(), crypto::AeadKey::Use::kSeal);
    sealer_seq_ = seq;
  }
  Bytes out(plain.size() + kOverhead);
  auto const nonce = std::span(out).first(crypto::kAeadNonceBytes);
  // Random, since an index made anew may hold other bytes for the same row under the same key.
  if (nonces_left_ == 0) {
    vault_.random(nonces_);
    nonces_left_ = nonces_.size();
  }
  std::copy_n(nonces_.end() - static_cast<std::ptrdiff_t>(nonces_left_), nonce.size(),
              nonce.begin());
  nonces_left_ -= nonce.size();
  sealer_->seal(nonce, row_aad(what, number), plain, std::span(out).subspan(nonce.size()));
  return out;
}

Result<std::vector<std::uint64_t>> Keys::shredded(std::uint64_t after, std::uint64_t upto) {
  AMIC_TRY(auto const lease, log_.take());
  Query query(*lease, "SELECT seq FROM shredded WHERE seq > ? AND seq <= ? ORDER BY seq");
  query.bind(after).bind(upto);
  std::vector<std::uint64_t> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    out.push_back(query.number(0));
  }
}

}  // namespace amic::store::sqlite

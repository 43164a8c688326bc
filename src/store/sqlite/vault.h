// Encryption at rest. Each record has a data key of its own, kept in log.db wrapped under the key
// of the store (table dek). Record bytes, and all that the index holds of their contents, are
// encrypted under it: destroying that one key erases the record wherever a copy of its bytes is
// left. A vault without a key passes everything through as it is.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "crypto/seal.h"
#include "store/sqlite/pool.h"
#include "store/store.h"

namespace amic::store::sqlite {

// What a ciphertext of the index is, bound to it by its additional data with its number.
enum class Sealed : std::uint8_t {
  kObject = 1,
  kTitle = 2,
  kRefused = 3,
  kReason = 4,  // of an operation or a reply
};

// A data key as unwrapped, ready to open with. Any thread.
class DataKey {
 public:
  explicit DataKey(crypto::Secret key);
  BytesView bytes() const { return key_.view(); }
  Result<void> open(BytesView nonce, BytesView aad, BytesView sealed, std::span<std::uint8_t> out);

 private:
  crypto::Secret key_;
  std::mutex mutex_;
  crypto::AeadKey opener_;
};
using SharedKey = std::shared_ptr<DataKey>;

class Vault {
 public:
  // kUsage for a key of another size than 32 bytes.
  static Result<std::unique_ptr<Vault>> make(Options const& options);

  bool encrypts() const { return kek_.has_value(); }
  // Says which key a file was made under, and nothing else of it; 0 = none. Kept in meta.
  std::uint64_t check_value() const { return check_; }
  // Compares with what `meta` of log.db holds; see Store::open.
  Result<void> check(Connection& log) const;

  // A new record: keeps a new data key for it; the stored form of its bytes.
  Result<Bytes> seal_record(Connection& log, std::uint64_t seq, BytesView bytes);
  // The stored form of a record whose bytes were lost: under its data key, if that is there still,
  // else under a new one (`made` is then set). kUnavailable if its data key was destroyed.
  Result<Bytes> seal_again(Connection& log, std::uint64_t seq, BytesView bytes, bool& made);
  Result<Bytes> open_record(Connection& log, std::uint64_t seq, BytesView stored);
  std::size_t plain_size(std::size_t stored) const;  // of a record's bytes
  // Overwrites the data key in its place.
  Result<void> destroy(Connection& log, std::uint64_t seq);
  // kUnavailable if it was destroyed.
  Result<crypto::Secret> unwrap(Connection& log, std::uint64_t seq);

  // Lately used data keys.
  SharedKey cached(std::uint64_t seq);  // null: not here
  Result<SharedKey> load(Connection& log, std::uint64_t seq);
  void forget(std::uint64_t seq);

  // Under the store's own key, for what is made of many records.
  Bytes seal_dictionary(std::uint64_t dict, BytesView raw);
  Result<Bytes> open_dictionary(std::uint64_t dict, BytesView stored);

  void random(std::span<std::uint8_t> out);

 private:
  Vault() = default;
  struct Kek {
    explicit Kek(BytesView key)
        : sealer(key, crypto::AeadKey::Use::kSeal), opener(key, crypto::AeadKey::Use::kOpen) {}
    std::mutex mutex;
    crypto::AeadKey sealer, opener;
  };
  Bytes wrap(BytesView aad, BytesView plain);
  bool open_under_kek(BytesView aad, BytesView stored, std::span<std::uint8_t> out);

  std::optional<Kek> kek_;
  std::uint64_t check_ = 0;
  std::mutex random_mutex_;
  Random* random_ = nullptr;
  SystemRandom system_random_;

  struct Entry {
    std::uint64_t seq;
    SharedKey key;
  };
  std::mutex cache_mutex_;
  std::list<Entry> recent_;  // the last used first
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_seq_;
};

// The data keys of one pass over rows of the index: reads log.db at most in one transaction, and
// only if a key is not in memory. One thread.
class Keys {
 public:
  Keys(Vault& vault, Pool& log) : vault_(vault), log_(log) {}

  // `stored` as sealed for (what, number) of record `seq`. Empty stays empty. The view is good
  // until the next call.
  Result<BytesView> open(Sealed what, std::uint64_t number, std::uint64_t seq, BytesView stored);
  Result<Bytes> seal(Sealed what, std::uint64_t number, std::uint64_t seq, BytesView plain);
  bool encrypts() const { return vault_.encrypts(); }
  // Of the records after `after` up to `upto`, those that were shredded.
  Result<std::vector<std::uint64_t>> shredded(std::uint64_t after, std::uint64_t upto);

 private:
  Result<DataKey*> of(std::uint64_t seq);
  Result<Connection*> connection();

  Vault& vault_;
  Pool& log_;
  std::optional<Pool::Lease> lease_;
  std::uint64_t seq_ = 0;  // of key_
  SharedKey key_;
  Bytes plain_;
  std::uint64_t sealer_seq_ = 0;
  std::optional<crypto::AeadKey> sealer_;
  // Drawn for many rows at a time. A nonce is stored in the clear, so these are no secrets.
  std::array<std::uint8_t, 64 * crypto::kAeadNonceBytes> nonces_{};
  std::size_t nonces_left_ = 0;  // bytes, at the end
};

}  // namespace amic::store::sqlite

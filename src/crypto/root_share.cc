#include "crypto/root_share.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "codec/codec.h"
#include "crypto/aead.h"
#include "crypto/durable_file.h"
#include "crypto/hash.h"
#include "crypto/internal.h"
#include "crypto/keyfile_format.h"
#include "crypto/shares.h"

namespace amic::crypto {

namespace {

constexpr std::string_view kFormat = "amic/root-share/v1";
constexpr std::string_view kBegin = "-----BEGIN AMIC ROOT SHARE-----";
constexpr std::string_view kEnd = "-----END AMIC ROOT SHARE-----";
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kCheckBytes = 8;
constexpr std::size_t kLineLength = 64;
constexpr std::size_t kTextBytesMax = 4096;
constexpr auto kWhere = "root share";

// Everything before the body: also the additional data of the seal, so that a share can't be
// relabelled.
Bytes head_bytes(RootShareHead const& head) {
  codec::Writer out;
  out.str8(kFormat)
      .str8(head.member.str())
      .raw(head.root.view())
      .raw(head.set.view())
      .u8(head.threshold)
      .u8(head.count)
      .u8(head.index)
      .u8(head.is_protected ? 1 : 0);
  return out.take();
}

void append_to(std::span<std::uint8_t>& rest, BytesView bytes) {
  CHECK(rest.size() >= bytes.size());
  std::copy(bytes.begin(), bytes.end(), rest.begin());
  rest = rest.subspan(bytes.size());
}

std::size_t lock_bytes() {
  internal::LockFile lock;
  lock.is_protected = true;
  return internal::encode_lock(lock).size();
}

// lock || nonce || ciphertext and tag.
Result<Secret> sealed_body(RootShareHead const& head, Secret const& share, Secret const& passphrase,
                           Random& random) {
  internal::LockFile lock;
  lock.is_protected = true;
  random.fill(lock.salt);
  AMIC_TRY(auto const keys, internal::derive_lock_keys(lock, passphrase));
  lock.check = keys.check;
  std::array<std::uint8_t, kAeadNonceBytes> nonce{};
  random.fill(nonce);
  Bytes const locked = internal::encode_lock(lock);
  Secret out(locked.size() + nonce.size() + share.size() + kAeadTagBytes);
  auto rest = out.mutable_view();
  append_to(rest, locked);
  append_to(rest, nonce);
  internal::Gcm(Aead::kAes256Gcm, keys.kek.view(), true)
      .seal(nonce, head_bytes(head), share.view(), rest);
  return out;
}

tl::unexpected<Error> damaged(char const* detail) {
  return fail(Code::kCorrupt, kWhere, detail);
}

bool in_bounds(RootShareHead const& head, std::uint8_t protection) {
  return head.threshold >= kShareThresholdMin && head.threshold <= head.count &&
         head.count <= kSharesMax && head.index >= 1 && head.index <= head.count &&
         protection <= 1 && !head.root.is_zero();
}

std::string_view trimmed(std::string_view text) {
  auto const space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::vector<RootShare>> split_root(SigningKey const& root, MemberId const& member,
                                          RootSplit const& split, Random& random) {
  CHECK(!member.empty());
  if (!split.passphrases.empty() && split.passphrases.size() != split.count)
    return fail(Code::kUsage, "passphrases", "one of each officer, or none at all");
  for (auto const& passphrase : split.passphrases)
    if (passphrase.empty()) return fail(Code::kUsage, "passphrases", "an empty passphrase");
  AMIC_TRY(auto const shares,
           split_secret(Secret(root.seed()), split.threshold, split.count, random));
  RootShareHead head;
  head.member = member;
  head.root = root.verify_key();
  head.set = random.fixed<ShareSetId>();
  head.threshold = static_cast<std::uint8_t>(split.threshold);
  head.count = static_cast<std::uint8_t>(split.count);
  head.is_protected = !split.passphrases.empty();
  std::vector<RootShare> out;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    head.index = shares[i].index;
    RootShare share{head, shares[i].bytes};
    if (head.is_protected) {
      AMIC_TRY(share.body, sealed_body(head, shares[i].bytes, split.passphrases[i], random));
    }
    out.push_back(std::move(share));
  }
  return out;
}

Secret encode(RootShare const& share) {
  Bytes const head = head_bytes(share.head);
  Secret out(head.size() + 2 + share.body.size() + kCheckBytes);
  auto rest = out.mutable_view();
  append_to(rest, head);
  codec::Writer length;
  length.u16(static_cast<std::uint16_t>(share.body.size()));
  append_to(rest, length.bytes());
  append_to(rest, share.body.view());
  Hash const check = sha256(out.view().first(out.size() - kCheckBytes));
  append_to(rest, check.view().first(kCheckBytes));
  return out;
}

Result<RootShare> decode_root_share(BytesView bytes) {
  codec::Reader in(bytes, kWhere);
  std::string const format = in.str8();
  if (in.ok() && format.starts_with("amic/root-share/") && format != kFormat)
    return fail(Code::kUnsupported, kWhere, "not an amic/root-share/v1");
  // Before anything else is believed: a typing error shows here, whatever it hit.
  if (bytes.size() <= kCheckBytes ||
      !equal(sha256(bytes.first(bytes.size() - kCheckBytes)).view().first(kCheckBytes),
             bytes.last(kCheckBytes)))
    return damaged("damaged or mistyped: its check value does not fit");
  if (!in.ok() || format != kFormat) return damaged("not a root share");
  std::string const member = in.str8();
  RootShare out;
  out.head.root = in.fixed<VerifyKey>();
  out.head.set = in.fixed<ShareSetId>();
  out.head.threshold = in.u8();
  out.head.count = in.u8();
  out.head.index = in.u8();
  std::uint8_t const protection = in.u8();
  out.head.is_protected = protection == 1;
  BytesView const body = in.vec16(kTextBytesMax);
  (void)in.raw(kCheckBytes);
  auto const id = MemberId::parse(member);
  std::size_t const sealed = lock_bytes() + kAeadNonceBytes + kSeedBytes + kAeadTagBytes;
  if (!in.finish() || !id || !in_bounds(out.head, protection) ||
      body.size() != (out.head.is_protected ? sealed : kSeedBytes))
    return damaged("not of the form of a root share");
  out.head.member = *id;
  out.body = Secret(body);
  if (out.head.is_protected) {
    auto const lock = internal::parse_lock(body.first(lock_bytes()));
    if (!lock || !lock->is_protected) return damaged("its lock is not of the form");
  }
  return out;
}

// By libsodium and not by codec, because the text holds a secret: nothing of it stays in memory.
Secret to_text(RootShare const& share) {
  internal::init_sodium();
  Secret const bytes = encode(share);
  Secret base64(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL));
  auto const view = base64.mutable_view();
  sodium_bin2base64(reinterpret_cast<char*>(view.data()), view.size(), bytes.view().data(),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  BytesView text = base64.view().first(base64.size() - 1);  // without its NUL
  std::size_t const lines = (text.size() + kLineLength - 1) / kLineLength;
  Secret out(kBegin.size() + 1 + text.size() + lines + kEnd.size() + 1);
  auto rest = out.mutable_view();
  auto const line = [&rest](BytesView part) {
    append_to(rest, part);
    append_to(rest, as_bytes("\n"));
  };
  line(as_bytes(kBegin));
  while (!text.empty()) {
    BytesView const part = text.first(std::min(kLineLength, text.size()));
    line(part);
    text = text.subspan(part.size());
  }
  line(as_bytes(kEnd));
  return out;
}

Result<RootShare> root_share_from_text(BytesView bytes) {
  internal::init_sodium();
  if (bytes.size() > kTextBytesMax) return fail(Code::kTooLarge, kWhere, "more than 4096 bytes");
  std::string_view text = trimmed(as_text(bytes));
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) ||
      text.size() < kBegin.size() + kEnd.size())
    return fail(Code::kMalformed, kWhere,
                "not between the lines BEGIN AMIC ROOT SHARE and END AMIC ROOT SHARE");
  text.remove_prefix(kBegin.size());
  text.remove_suffix(kEnd.size());
  Secret decoded(text.size() + 1);
  std::size_t size = 0;
  char const* end = nullptr;
  if (sodium_base642bin(decoded.mutable_view().data(), decoded.size(), text.data(), text.size(),
                        " \t\r\n", &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return damaged("damaged or mistyped: a character that is not of base64, or one missing");
  return decode_root_share(decoded.view().first(size));
}

Result<void> write_root_share(std::filesystem::path const& path, RootShare const& share,
                              Random& random) {
  return internal::create_private_file(path, to_text(share).view(), random);
}

Result<RootShare> read_root_share(std::filesystem::path const& path) {
  // Whatever the mode: officers keep shares on media whose file systems have none.
  AMIC_TRY(Secret const text, internal::read_private_file(path, 0, kTextBytesMax));
  return root_share_from_text(text.view());
}

Result<Secret> open_root_share(RootShare const& share, std::optional<Secret> const& passphrase) {
  if (share.head.is_protected != passphrase.has_value())
    return fail(Code::kWrongPassphrase, kWhere,
                share.head.is_protected ? "it is protected: its officer's passphrase is needed"
                                        : "it is not protected: it needs no passphrase");
  if (!passphrase) return share.body;
  BytesView const body = share.body.view();
  std::size_t const locked = lock_bytes();
  CHECK(body.size() == locked + kAeadNonceBytes + kSeedBytes + kAeadTagBytes);
  AMIC_TRY(auto const lock, internal::parse_lock(body.first(locked)));
  AMIC_TRY(auto const keys, internal::derive_lock_keys(lock, *passphrase));
  if (!equal_constant_time(keys.check.view(), lock.check.view()))
    return fail(Code::kWrongPassphrase, kWhere, "the passphrase of this share is wrong");
  Secret out(kSeedBytes);
  if (!internal::Gcm(Aead::kAes256Gcm, keys.kek.view(), false)
           .open(body.subspan(locked, kAeadNonceBytes), head_bytes(share.head),
                 body.subspan(locked + kAeadNonceBytes), out.mutable_view()))
    return damaged("it does not open: somebody has changed it");
  return out;
}

Result<void> check_root_shares(std::vector<RootShareHead> const& heads,
                               std::vector<std::string> const& names) {
  CHECK(heads.size() == names.size());
  if (heads.empty()) return fail(Code::kMissingKey, "shares", "no share was given");
  RootShareHead const& first = heads.front();
  for (std::size_t i = 1; i < heads.size(); ++i) {
    RootShareHead const& other = heads[i];
    if (other.member != first.member || other.root != first.root)
      return fail(Code::kConflict, names[i],
                  "a share of another root key than " + names[0] + ": of " + other.member.str() +
                      ", not of " + first.member.str() + ", or of an earlier key");
    if (other.set != first.set || other.threshold != first.threshold || other.count != first.count)
      return fail(Code::kConflict, names[i],
                  "of another splitting than " + names[0] + ": shares of two are never mixed");
    for (std::size_t j = 0; j < i; ++j)
      if (heads[j].index == other.index)
        return fail(Code::kDuplicateKey, names[i],
                    "share " + std::to_string(other.index) + " again, as in " + names[j]);
  }
  if (heads.size() < first.threshold)
    return fail(Code::kMissingKey, "shares",
                std::to_string(heads.size()) + " of the " + std::to_string(first.threshold) +
                    " shares that are needed (" + std::to_string(first.count) + " exist)");
  return {};
}

Result<SigningKey> join_root(std::vector<RootShareHead> const& heads, std::vector<Secret> opened) {
  CHECK(heads.size() == opened.size());
  AMIC_TRY_VOID(check_root_shares(heads, std::vector<std::string>(heads.size(), kWhere)));
  std::vector<SecretShare> shares;
  for (std::size_t i = 0; i < heads.front().threshold; ++i)
    shares.push_back({heads[i].index, std::move(opened[i])});
  AMIC_TRY(Secret const seed, join_secret(shares));
  AMIC_TRY(SigningKey key, SigningKey::from_seed(seed.view()));
  if (key.verify_key() != heads.front().root)
    return fail(Code::kWrongIdentity, "shares",
                "they do not give the root key that they name: one of them was forged");
  return key;
}

}  // namespace amic::crypto

// A share of a member's root key for one of its officers, as text to be printed or kept on media:
// armour "AMIC ROOT SHARE". docs/formats/key-files.md, "Root share".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

namespace amic::crypto {

using ShareSetId = FixedBytes<16, struct ShareSetIdTag>;  // random, one for each splitting

// What anybody who holds the text can read of it.
struct RootShareHead {
  MemberId member;
  VerifyKey root;  // the public key that the shares give back
  ShareSetId set;
  std::uint8_t threshold = 0;  // 2..count
  std::uint8_t count = 0;      // ..16
  std::uint8_t index = 0;      // 1..count
  bool is_protected = false;   // sealed under its officer's own passphrase
  bool operator==(RootShareHead const&) const = default;
};

struct RootShare {
  RootShareHead head;
  Secret body;  // the share itself, or lock, nonce and ciphertext
};

struct RootSplit {
  unsigned threshold = 0;
  unsigned count = 0;
  // Of the officers, by index of the share; empty: shares without a passphrase. Else `count`.
  std::vector<Secret> passphrases;
};

// kOutOfRange as split_secret; kUsage: another number of passphrases, or an empty one.
Result<std::vector<RootShare>> split_root(SigningKey const& root, MemberId const& member,
                                          RootSplit const& split, Random& random);

Secret encode(RootShare const& share);
// kUnsupported: another version. kCorrupt: damaged or mistyped, or not of the form.
Result<RootShare> decode_root_share(BytesView bytes);
Secret to_text(RootShare const& share);
// As above, and kMalformed without the armour. Neither error repeats anything of the share.
Result<RootShare> root_share_from_text(BytesView text);

// Files: a new one, durably, with mode 0600 (kConflict if it exists); and whatever holds a text.
Result<void> write_root_share(std::filesystem::path const& path, RootShare const& share,
                              Random& random);
Result<RootShare> read_root_share(std::filesystem::path const& path);

// The share in the clear. kWrongPassphrase: none given though protected, given though not, or the
// wrong one.
Result<Secret> open_root_share(RootShare const& share, std::optional<Secret> const& passphrase);

// Whether these belong together and are enough, before any passphrase is asked for. `names` are
// what the errors call them (file names), as many as shares. kMissingKey: too few; kConflict: of
// two splittings, members or keys; kDuplicateKey: the same share twice.
Result<void> check_root_shares(std::vector<RootShareHead> const& heads,
                               std::vector<std::string> const& names);

// `opened` are the shares in the clear, in the order of `heads`. The first `threshold` of them are
// joined. kWrongIdentity unless the key is the one that the shares name.
Result<SigningKey> join_root(std::vector<RootShareHead> const& heads, std::vector<Secret> opened);

}  // namespace amic::crypto

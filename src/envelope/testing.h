// What the tests of this module share: members with keys, contents, a realistic envelope.
#pragma once

#include "base/random.h"
#include "envelope/envelope.h"

namespace amic::envelope::testing {

inline MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}

struct Member {
  MemberId id;
  crypto::SigningKey node;
  crypto::SealKey seal;
  Member(std::string_view name, Random& random)
      : id(testing::id(name)),
        node(crypto::SigningKey::generate(random)),
        seal(crypto::SealKey::generate(random)) {}
  Recipient recipient() const { return {id, seal.public_key()}; }
};

inline Contents small_contents(Member const& from, std::vector<MemberId> recipients) {
  Contents out;
  out.community.data.fill(0xC0);
  out.id.data.fill(0x1D);
  out.precedence = Precedence::kImmediate;
  out.epoch = 3;
  out.originator = from.id;
  out.created_ms = 1'795'000'000'000;
  out.recipients = std::move(recipients);
  out.marking = to_bytes("marking");
  out.lineage = {Hash{}};
  out.media_type = "text/plain";
  out.body = to_bytes("Two skiffs, one mother ship, 0412N 09915E.");
  return out;
}

}  // namespace amic::envelope::testing

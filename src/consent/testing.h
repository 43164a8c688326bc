// Founders, drafts and launches for tests, from one seed. Not for production: SeededRandom keys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "consent/head.h"
#include "crypto/hash.h"

namespace amic::consent::testing {

inline constexpr UnixMs kStartMs = 1'730'332'800'000;

struct Founder {
  crypto::SigningKey root, governance, node, log, cosigner, tls;
  crypto::SealKey sealing;
  Card card;
};

// `number` makes the name and address unique; the id is the caller's.
inline Founder make_founder(std::string const& id, int number, Random& random) {
  using crypto::SigningKey;
  Founder out{SigningKey::generate(random),      SigningKey::generate(random),
              SigningKey::generate(random),      SigningKey::generate(random),
              SigningKey::generate(random),      SigningKey::generate(random),
              crypto::SealKey::generate(random), {}};
  Card card;
  card.member = MemberId::parse(id).value();
  card.name = "Member " + id;
  card.link_address = "https://127.0.0.1:" + std::to_string(7400 + number);
  card.created_ms = kStartMs;
  card.governance = out.governance.verify_key();
  card.node = out.node.verify_key();
  card.log = out.log.verify_key();
  card.cosigner = out.cosigner.verify_key();
  card.sealing = out.sealing.public_key();
  card.tls = out.tls.verify_key();
  out.card = sign_card(card, out.root).value();
  return out;
}

inline std::vector<Founder> make_founders(std::vector<std::string> const& ids, Random& random) {
  std::vector<Founder> out;
  int number = 0;
  for (auto const& id : ids) out.push_back(make_founder(id, ++number, random));
  return out;
}

inline std::map<InstrumentKind, std::string> sample_texts() {
  return {{InstrumentKind::kTor, "# Terms of Reference\n\n## Article 1. Purpose\n\nTo share.\n"},
          {InstrumentKind::kSop, "# Procedures\n\n## Article 1. Markings\n\nEvery item.\n"}};
}

// The ids must be given in ascending order.
inline Head make_head(std::vector<Founder> const& founders,
                      std::map<InstrumentKind, std::string> const& texts = sample_texts()) {
  Head head;
  head.community_name = "Sample Community";
  head.created_ms = kStartMs;
  head.suites = {1};
  for (auto const& founder : founders) {
    head.members.push_back(founder.card);
    head.chair_order.push_back(founder.card.member);
  }
  head.chair = head.chair_order.front();
  for (auto const& [kind, text] : texts)
    head.instruments.push_back({kind, 1, "Sample " + std::string{instrument_kind_name(kind)},
                                crypto::sha256(as_bytes(text))});
  return head;
}

inline std::vector<Press> press_all(std::vector<Founder> const& founders, Draft const& draft) {
  std::vector<Press> out;
  UnixMs now = kStartMs;
  for (auto const& founder : founders)
    out.push_back(press(draft.head_bytes, founder.card.member, ++now, founder.governance));
  return out;
}

// A whole launched community.
inline Transcript make_transcript(std::vector<Founder> const& founders) {
  Draft const draft = make_draft(make_head(founders), sample_texts()).value();
  return launch(draft, press_all(founders, draft)).value();
}

}  // namespace amic::consent::testing

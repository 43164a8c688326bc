// Who may do what after a motion: the difference between two heads, entry by entry.
#include <algorithm>

#include "codec/codec.h"
#include "consent/view.h"

namespace amic::consent {

namespace {

constexpr std::string_view kKinds[] = {"member_admitted",
                                       "member_leaves",
                                       "keys_replaced",
                                       "name_changed",
                                       "address_changed",
                                       "chair_changed",
                                       "host_changed",
                                       "order_changed",
                                       "instrument_amended",
                                       "suite_added",
                                       "suite_removed",
                                       "limit_changed",
                                       "precedence_changed",
                                       "standing_class_added",
                                       "standing_class_removed",
                                       "standing_class_changed",
                                       "annex_added",
                                       "annex_ended",
                                       "annex_changed",
                                       "recorded"};
constexpr std::string_view kLimits[] = {"envelope_bytes", "body_bytes", "motion_text_bytes"};
constexpr LimitId kLimitIds[] = {LimitId::kEnvelopeBytes, LimitId::kBodyBytes,
                                 LimitId::kMotionTextBytes};

std::string joined(std::vector<MemberId> const& members) {
  std::string out;
  for (auto const& id : members) out += (out.empty() ? "" : " ") + id.str();
  return out;
}

std::string named(Head const& head, MemberId const& id) {
  if (id.empty()) return "nobody";
  auto const* card = head.member(id);
  return card == nullptr ? id.str() : card->name + " (" + id.str() + ")";
}

class Entries {
 public:
  Entries(Head const& before, Head const& after) : before_(before), after_(after) {}
  std::vector<EffectEntry> take() { return std::move(out_); }

  void members() {
    for (auto const& card : after_.members)
      if (before_.member(card.member) == nullptr)
        add(EffectKind::kMemberAdmitted, card.member, {}, {},
            codec::to_hex(fingerprint(card).view()),
            named(after_, card.member) + " becomes a member. Fingerprint of its card: " +
                codec::to_hex(fingerprint(card).view()) +
                ". It receives what is shared with it from then on, and nothing older.");
    for (auto const& card : before_.members) {
      auto const* now = after_.member(card.member);
      if (now == nullptr)
        add(EffectKind::kMemberLeaves, card.member, {}, {}, {},
            named(before_, card.member) +
                " is no longer a member. It has no part in later decisions and receives nothing "
                "more. What it has received stays with it.");
      else
        card_changes(card, *now);
    }
  }

  void chair() {
    if (before_.chair != after_.chair)
      add(EffectKind::kChairChanged, after_.chair, {}, before_.chair.str(), after_.chair.str(),
          "The chair passes from " + named(before_, before_.chair) + " to " +
              named(after_, after_.chair) +
              ", who orders the agenda. No key and no access comes with it.");
    if (before_.host != after_.host)
      add(EffectKind::kHostChanged, after_.host, {}, before_.host.str(), after_.host.str(),
          "Host of the meetings is " + named(after_, after_.host) + " in place of " +
              named(before_, before_.host) + ".");
    // An admission or a departure moves nobody else.
    auto const both = [](std::vector<MemberId> order, Head const& other) {
      std::erase_if(order, [&](MemberId const& id) { return other.member(id) == nullptr; });
      return order;
    };
    if (both(before_.chair_order, after_) != both(after_.chair_order, before_))
      add(EffectKind::kOrderChanged, {}, {}, joined(before_.chair_order),
          joined(after_.chair_order),
          "The chair goes round in another order: " + joined(after_.chair_order) + ".");
  }

  void instruments() {
    for (auto const& one : after_.instruments) {
      auto const old = std::find_if(before_.instruments.begin(), before_.instruments.end(),
                                    [&](Instrument const& i) { return i.kind == one.kind; });
      if (old != before_.instruments.end() && *old == one) continue;
      std::string const kind{instrument_kind_name(one.kind)};
      bool const is_new = old == before_.instruments.end();
      std::string const from = is_new ? "" : std::to_string(old->version);
      std::string const to = std::to_string(one.version);
      add(EffectKind::kInstrumentAmended, {}, kind, from, to,
          is_new ? kind + " \"" + one.title + "\" is adopted as version " + to + "."
                 : kind + " \"" + one.title + "\": version " + to + " takes the place of version " +
                       from + ", which stays on record.");
    }
  }

  void rules() {
    auto const has = [](std::vector<std::uint16_t> const& list, std::uint16_t suite) {
      return std::find(list.begin(), list.end(), suite) != list.end();
    };
    for (auto const suite : after_.suites)
      if (!has(before_.suites, suite))
        add(EffectKind::kSuiteAdded, {}, std::to_string(suite), {}, {},
            "Suite " + std::to_string(suite) + " of cryptographic algorithms may be used.");
    for (auto const suite : before_.suites)
      if (!has(after_.suites, suite))
        add(EffectKind::kSuiteRemoved, {}, std::to_string(suite), {}, {},
            "Suite " + std::to_string(suite) +
                " of cryptographic algorithms may no longer be "
                "used.");
    for (auto const id : kLimitIds) limit(id);
    for (unsigned lane = 0; lane < kLaneCount; ++lane) precedence(lane);
    classes();
  }

  void annexes() {
    for (auto const& one : after_.annexes) {
      auto const* old = find(before_.annexes, one.number);
      std::string const number = std::to_string(one.number);
      std::string const who = joined(one.participants);
      if (old == nullptr)
        add(EffectKind::kAnnexAdded, {}, number, {}, who,
            "Annex " + number + " \"" + one.title + "\" begins. Taking part: " + who +
                ". The others are not bound by it.");
      else if (*old != one)
        add(EffectKind::kAnnexChanged, {}, number, joined(old->participants), who,
            "Annex " + number + " \"" + one.title + "\" changes" +
                (old->text_sha256 != one.text_sha256 ? ", and its text with it" : "") +
                ". Taking part: " + who + ", before: " + joined(old->participants) + ".");
    }
    for (auto const& one : before_.annexes)
      if (find(after_.annexes, one.number) == nullptr)
        add(EffectKind::kAnnexEnded, {}, std::to_string(one.number), joined(one.participants), {},
            "Annex " + std::to_string(one.number) + " \"" + one.title + "\" ends.");
  }

 private:
  void add(EffectKind kind, MemberId const& member, std::string what, std::string from,
           std::string to, std::string sentence) {
    out_.push_back(
        {kind, member, std::move(what), std::move(from), std::move(to), std::move(sentence)});
  }

  void card_changes(Card const& old, Card const& now) {
    if (old == now) return;
    std::string const who = named(after_, now.member);
    auto const old_keys = card_keys(old), new_keys = card_keys(now);
    for (std::size_t i = 0; i < new_keys.size(); ++i) {
      if (equal(old_keys[i].key, new_keys[i].key)) continue;
      std::string const role{new_keys[i].role};
      add(EffectKind::kKeysReplaced, now.member, role, codec::to_hex(old_keys[i].key),
          codec::to_hex(new_keys[i].key),
          "The " + role + " key of " + who +
              " is replaced. What the old key signs no longer "
              "counts.");
    }
    if (old.name != now.name)
      add(EffectKind::kNameChanged, now.member, {}, old.name, now.name,
          now.member.str() + " is named " + now.name + ", before: " + old.name + ".");
    if (old.link_address != now.link_address)
      add(EffectKind::kAddressChanged, now.member, {}, old.link_address, now.link_address,
          "The node of " + who + " is reached at " + now.link_address +
              ", before: " + old.link_address + ".");
  }

  void limit(LimitId id) {
    auto const old = effective_limit(before_, id), now = effective_limit(after_, id);
    if (old == now) return;
    std::string const name{limit_name(id)};
    add(EffectKind::kLimitChanged, {}, name, std::to_string(old), std::to_string(now),
        "The limit " + name + " changes from " + std::to_string(old) + " to " +
            std::to_string(now) + " bytes.");
  }

  void precedence(unsigned lane) {
    auto const old = before_.rules.precedence_seconds[lane];
    auto const now = after_.rules.precedence_seconds[lane];
    if (old == now) return;
    std::string const name{precedence_name(static_cast<Precedence>(lane))};
    auto const text = [](std::uint32_t s) { return s == 0 ? std::string{} : std::to_string(s); };
    auto const words = [](std::uint32_t s) {
      return s == 0 ? std::string("no time") : std::to_string(s) + " seconds";
    };
    add(EffectKind::kPrecedenceChanged, {}, name, text(old), text(now),
        name + " is to be delivered within " + words(now) + ", before: " + words(old) + ".");
  }

  static std::string clause(StandingClass const& one) {
    return std::string(instrument_kind_name(one.instrument)) + ", " + one.clause;
  }
  static std::string details(StandingClass const& one) {
    std::string kinds;
    for (auto const kind : one.kinds)
      kinds += (kinds.empty() ? "" : " ") + std::string(motion_kind_name(kind));
    return clause(one) + "; kinds: " + kinds + "; wait: " + std::to_string(one.wait_days) + " days";
  }

  void classes() {
    for (auto const& one : after_.rules.classes) {
      auto const* old = before_.rules.standing_class(one.name);
      if (old == nullptr)
        add(EffectKind::kStandingClassAdded, {}, one.name, {}, details(one),
            "Members may sign their consent ahead to the class \"" + one.name + "\" (" +
                details(one) + ").");
      else if (*old != one)
        add(EffectKind::kStandingClassChanged, {}, one.name, details(*old), details(one),
            "The class \"" + one.name + "\" of standing consent changes from (" + details(*old) +
                ") to (" + details(one) + "). Consents that cite another clause no longer apply.");
    }
    for (auto const& one : before_.rules.classes)
      if (after_.rules.standing_class(one.name) == nullptr)
        add(EffectKind::kStandingClassRemoved, {}, one.name, details(one), {},
            "The class \"" + one.name +
                "\" of standing consent ends: nobody's node answers by it "
                "any more.");
  }

  static Annex const* find(std::vector<Annex> const& list, std::uint32_t number) {
    for (auto const& one : list)
      if (one.number == number) return &one;
    return nullptr;
  }

  Head const& before_;
  Head const& after_;
  std::vector<EffectEntry> out_;
};

std::vector<AmendmentDiff> amendment_diffs(Community const& now, Amend const& amend) {
  std::vector<AmendmentDiff> out;
  for (auto const& one : amend.texts) {
    AmendmentDiff diff;
    diff.kind = one.kind;
    diff.to_version = one.version;
    diff.effective_ms = one.effective_ms;
    for (auto const& old : now.head.instruments)
      if (old.kind == one.kind) diff.from_version = old.version;
    auto const text = now.texts.find(one.kind);
    diff.articles = diff_articles(
        text == now.texts.end() ? std::string_view{} : std::string_view{text->second}, one.text);
    out.push_back(std::move(diff));
  }
  return out;
}

}  // namespace

std::string_view effect_kind_name(EffectKind kind) {
  auto const index = static_cast<std::size_t>(kind) - 1;
  return index < std::size(kKinds) ? kKinds[index] : std::string_view{};
}

std::string_view limit_name(LimitId id) {
  auto const index = static_cast<std::size_t>(id) - 1;
  return index < std::size(kLimits) ? kLimits[index] : std::string_view{};
}

std::vector<EffectEntry> effect_between(Head const& before, Head const& after) {
  Entries entries(before, after);
  entries.members();
  entries.chair();
  entries.instruments();
  entries.rules();
  entries.annexes();
  return entries.take();
}

Result<Effect> effect_of(Community const& now, Motion const& motion) {
  AMIC_TRY(Head const next, apply(now.head, motion));
  Effect out;
  out.entries = effect_between(now.head, next);
  if (auto const* amend = std::get_if<Amend>(&motion.change))
    out.diffs = amendment_diffs(now, *amend);
  if (out.entries.empty())
    out.entries.push_back({EffectKind::kRecorded,
                           {},
                           {},
                           {},
                           {},
                           motion.kind() == MotionKind::kAnnounce
                               ? "The text is recorded. Nothing else changes."
                               : "Nothing changes against what is in force."});
  return out;
}

}  // namespace amic::consent

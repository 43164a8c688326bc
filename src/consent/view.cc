#include "consent/view.h"

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

template <class Fixed>
std::string hex(Fixed const& value) {
  return codec::to_hex(value.view());
}
// What need not be there is left out, so that nobody takes zeros for a digest.
void add_hash(json::object& out, std::string_view name, Hash const& value) {
  if (!value.is_zero()) out[name] = hex(value);
}
void add_text(json::object& out, std::string_view name, std::string const& text) {
  if (!text.empty()) out[name] = text;
}
void add_time(json::object& out, std::string_view name, UnixMs ms) {
  if (ms != 0) out[name] = codec::to_rfc3339(ms);
}

json::array ids(std::vector<MemberId> const& members) {
  json::array out;
  for (auto const& id : members) out.emplace_back(id.str());
  return out;
}
json::array hashes(std::vector<Hash> const& list) {
  json::array out;
  for (auto const& one : list) out.emplace_back(hex(one));
  return out;
}
// to_json() is our own output, so it parses.
json::value parsed(std::string const& text) {
  return json::parse(text).value();
}

json::object rules_json(NewRules const& change) {
  json::array suites, seconds, classes;
  json::object bounds;
  for (auto const suite : change.suites) suites.emplace_back(suite);
  for (auto const value : change.rules.precedence_seconds) seconds.emplace_back(value);
  for (auto const& [id, value] : change.rules.limits) bounds[limit_name(id)] = value;
  for (auto const& one : change.rules.classes) {
    json::array kinds;
    for (auto const kind : one.kinds) kinds.emplace_back(motion_kind_name(kind));
    json::object row;
    row["name"] = one.name;
    row["instrument"] = instrument_kind_name(one.instrument);
    row["clause"] = one.clause;
    row["wait_days"] = one.wait_days;
    row["kinds"] = std::move(kinds);
    classes.push_back(std::move(row));
  }
  json::object out;
  out["suites"] = std::move(suites);
  out["precedence_seconds"] = std::move(seconds);
  out["limits"] = std::move(bounds);
  out["standing_classes"] = std::move(classes);
  return out;
}

json::object change_json(Change const& change) {
  json::object out;
  if (auto const* amend = std::get_if<Amend>(&change)) {
    json::array texts;
    for (auto const& one : amend->texts) {
      json::object row;
      row["instrument"] = instrument_kind_name(one.kind);
      row["version"] = one.version;
      row["title"] = one.title;
      add_time(row, "effective", one.effective_ms);
      row["sha256"] = hex(crypto::sha256(as_bytes(one.text)));
      row["text"] = one.text;
      texts.push_back(std::move(row));
    }
    out["texts"] = std::move(texts);
  } else if (auto const* admit = std::get_if<Admit>(&change)) {
    out["card"] = parsed(to_json(admit->card));
    out["card_fingerprint"] = hex(fingerprint(admit->card));
    out["chair_position"] = admit->chair_position;
  } else if (auto const* replace = std::get_if<ReplaceKeys>(&change)) {
    out["card"] = parsed(to_json(replace->card));
    out["card_fingerprint"] = hex(fingerprint(replace->card));
  } else if (auto const* leave = std::get_if<Leave>(&change)) {
    out["member"] = leave->member.str();
  } else if (auto const* chair = std::get_if<Chair>(&change)) {
    out["chair"] = chair->chair.str();
    out["host"] = chair->host.str();
    out["chair_order"] = ids(chair->order);
  } else if (auto const* part = std::get_if<Participation>(&change)) {
    out["number"] = part->number;
    out["title"] = part->title;
    out["participants"] = ids(part->participants);
    out["sha256"] = hex(crypto::sha256(as_bytes(part->text)));
    out["text"] = part->text;
  } else if (auto const* announce = std::get_if<Announce>(&change)) {
    out["sha256"] = hex(crypto::sha256(as_bytes(announce->text)));
    out["text"] = announce->text;
  } else if (auto const* rules = std::get_if<NewRules>(&change)) {
    return rules_json(*rules);
  }
  return out;
}

std::string_view article_change_name(ArticleChange change) {
  return change == ArticleChange::kAdded     ? "added"
         : change == ArticleChange::kRemoved ? "removed"
                                             : "changed";
}

json::object inventory_json(Inventory const& inventory) {
  json::array motions, requests;
  for (auto const& one : inventory.motions)
    motions.push_back(
        {{"motion", hex(one.motion)}, {"stage", stage_name(one.stage)}, {"title", one.title}});
  for (auto const& one : inventory.requests)
    requests.push_back({{"id", hex(one.id)}, {"title", one.title}});
  return {{"motions", std::move(motions)}, {"requests", std::move(requests)}};
}

// One member's part in a certificate.
Result<json::object> adoption_json(Statement const& adoption, Statement const& answer,
                                   Head const& head) {
  AMIC_TRY(Body const body, body_of(answer));
  auto const* response = std::get_if<Response>(&body);
  if (response == nullptr) return fail(Code::kMalformed, "decision.responses", "not a response");
  json::object out;
  out["member"] = adoption.author.str();
  auto const* card = head.member(adoption.author);
  if (card != nullptr) out["name"] = card->name;
  out["position"] = position_name(response->position);
  add_text(out, "statement", response->text);
  add_hash(out, "standing_consent", response->standing);
  add_text(out, "clause", response->clause);
  out["round"] = response->round;
  out["answered"] = codec::to_rfc3339(answer.created_ms);
  out["adopted"] = codec::to_rfc3339(adoption.created_ms);
  out["signer"] = adoption.signer == Signer::kRoot ? "root" : "governance";
  if (auto const* key = signer_key(head, adoption.author, adoption.signer)) out["key"] = hex(*key);
  out["adoption"] = hex(statement_digest(adoption));
  out["signature"] = hex(adoption.signature);
  return out;
}

}  // namespace

json::object motion_summary(MotionView const& view) {
  json::object out;
  out["id"] = hex(view.id);
  out["kind"] = motion_kind_name(view.kind);
  out["verb"] = verb_name(view.motion.verb);
  out["title"] = view.motion.title;
  out["proposer"] = view.motion.proposer.str();
  out["revision"] = view.motion.revision;
  add_hash(out, "supersedes", view.motion.supersedes);
  out["proposed"] = codec::to_rfc3339(view.motion.proposed_ms);
  add_time(out, "deadline", view.motion.deadline_ms);
  add_text(out, "standing_class", view.motion.standing_class);
  out["stage"] = stage_name(view.stage);
  out["round"] = view.round;
  out["replied"] = view.replied;
  out["entitled"] = view.entitled;
  if (view.own) out["own_position"] = position_name(*view.own);
  out["own_adopted"] = view.own_adopted;
  out["declared"] = view.declared;
  out["comments"] = view.comments;
  return out;
}

Result<json::object> motion_json(MotionView const& view, Community const& now) {
  AMIC_TRY(Effect const effect, effect_of(now, view.motion));
  json::object out = motion_summary(view);
  out["head"] = hex(view.motion.head);
  out["next_head"] = hex(view.next_head);
  out["entitled_members"] = ids(view.motion.entitled);
  out["change"] = change_json(view.motion.change);
  out["effect"] = effect_json(effect);
  return out;
}

json::object effect_json(Effect const& effect) {
  json::array entries, diffs;
  for (auto const& one : effect.entries) {
    json::object row;
    row["kind"] = effect_kind_name(one.kind);
    if (!one.member.empty()) row["member"] = one.member.str();
    add_text(row, "what", one.what);
    add_text(row, "from", one.from);
    add_text(row, "to", one.to);
    row["sentence"] = one.sentence;
    entries.push_back(std::move(row));
  }
  for (auto const& diff : effect.diffs) {
    json::array articles;
    for (auto const& one : diff.articles)
      articles.push_back({{"change", article_change_name(one.change)},
                          {"heading", one.heading},
                          {"before", one.before},
                          {"after", one.after}});
    json::object row;
    row["instrument"] = instrument_kind_name(diff.kind);
    if (diff.from_version != 0) row["from_version"] = diff.from_version;
    row["to_version"] = diff.to_version;
    add_time(row, "effective", diff.effective_ms);
    row["articles"] = std::move(articles);
    diffs.push_back(std::move(row));
  }
  return {{"entries", std::move(entries)}, {"diffs", std::move(diffs)}};
}

json::object head_json(Head const& head) {
  json::object out = parsed(to_json(head)).as_object();
  json::object bounds;
  for (auto const id : {LimitId::kEnvelopeBytes, LimitId::kBodyBytes, LimitId::kMotionTextBytes})
    bounds[limit_name(id)] = effective_limit(head, id);
  out["limits"] = std::move(bounds);
  return out;
}

json::array history_json(std::span<Chapter const> chapters) {
  json::array out;
  for (auto const& one : chapters) {
    json::array amended;
    for (auto const& text : one.amended) {
      json::object row;
      row["instrument"] = instrument_kind_name(text.kind);
      row["version"] = text.version;
      row["title"] = text.title;
      add_time(row, "effective", text.effective_ms);
      amended.push_back(std::move(row));
    }
    json::object row;
    row["epoch"] = one.epoch;
    row["head"] = hex(one.head);
    row["motion"] = hex(one.motion);
    row["kind"] = motion_kind_name(one.kind);
    row["verb"] = verb_name(one.verb);
    row["title"] = one.title;
    row["proposer"] = one.proposer.str();
    row["decided"] = codec::to_rfc3339(one.decided_ms);
    row["amended"] = std::move(amended);
    out.push_back(std::move(row));
  }
  return out;
}

json::array record_of_changes_json(std::span<InstrumentVersion const> versions) {
  json::array out;
  for (auto const& one : versions) {
    json::object row;
    row["instrument"] = instrument_kind_name(one.kind);
    row["version"] = one.version;
    row["title"] = one.title;
    row["epoch"] = one.epoch;
    add_hash(row, "motion", one.motion);
    add_text(row, "proposer", one.proposer.str());
    row["verb"] = verb_name(one.verb);
    row["adopted"] = codec::to_rfc3339(one.adopted_ms);
    row["effective"] = codec::to_rfc3339(one.effective_ms);
    out.push_back(std::move(row));
  }
  return out;
}

Result<json::object> decision_json(Decision const& decision, Head const& head) {
  AMIC_TRY(Body const body, body_of(decision.motion));
  auto const* motion = std::get_if<Motion>(&body);
  auto const& certificate = decision.certificate;
  if (motion == nullptr || certificate.adoptions.size() != certificate.responses.size())
    return fail(Code::kMalformed, "decision", "not a motion with its certificate");
  json::array adoptions;
  UnixMs decided = 0;
  for (std::size_t i = 0; i < certificate.adoptions.size(); ++i) {
    AMIC_TRY(json::object one,
             adoption_json(certificate.adoptions[i], certificate.responses[i], head));
    adoptions.push_back(std::move(one));
    decided = std::max(decided, certificate.adoptions[i].created_ms);
  }
  json::object out;
  out["motion"] = hex(motion_id(decision.motion.body));
  out["epoch"] = decision.motion.epoch + 1;
  out["previous"] = hex(decision.motion.head);
  out["kind"] = motion_kind_name(motion->kind());
  out["verb"] = verb_name(motion->verb);
  out["title"] = motion->title;
  out["proposer"] = motion->proposer.str();
  out["decided"] = codec::to_rfc3339(decided);
  out["change"] = change_json(motion->change);
  out["adoptions"] = std::move(adoptions);
  if (certificate.join_accept) {
    json::object accept;
    accept["card"] = hex(certificate.join_accept->card);
    accept["created"] = codec::to_rfc3339(certificate.join_accept->created_ms);
    out["join_accept"] = std::move(accept);
  }
  return out;
}

json::object meeting_json(MeetingRecord const& record) {
  Meeting const& meeting = record.meeting;
  json::array participants, agenda, actions;
  for (auto const& one : meeting.participants) {
    json::object row;
    add_text(row, "member", one.member.str());
    row["name"] = one.name;
    participants.push_back(std::move(row));
  }
  for (auto const& one : meeting.agenda)
    agenda.push_back(
        {{"number", one.number}, {"title", one.title}, {"motions", hashes(one.motions)}});
  for (auto const& one : meeting.actions) {
    json::object row;
    row["number"] = one.number;
    row["text"] = one.text;
    row["owner"] = one.owner.str();
    add_time(row, "due", one.due_ms);
    row["state"] = action_state_name(one.state);
    actions.push_back(std::move(row));
  }
  json::object out;
  out["id"] = codec::to_uuid(meeting.id.view());
  out["author"] = record.author.str();
  out["revision"] = meeting.revision;
  out["state"] = meeting_state_name(meeting.state);
  out["title"] = meeting.title;
  add_text(out, "body", meeting.body);
  out["start"] = codec::to_rfc3339(meeting.start_ms);
  out["end"] = codec::to_rfc3339(meeting.end_ms);
  add_text(out, "place", meeting.place);
  out["participants"] = std::move(participants);
  out["agenda"] = std::move(agenda);
  out["decisions"] = hashes(meeting.decisions);
  add_hash(out, "minutes_sha256", meeting.minutes_sha256);
  add_hash(out, "minutes_motion", meeting.minutes_motion);
  out["actions"] = std::move(actions);
  out["recorded"] = codec::to_rfc3339(record.created_ms);
  out["epoch"] = record.epoch;
  out["statement"] = hex(record.statement);
  return out;
}

json::object handover_json(HandoverView const& view) {
  json::object out;
  out["state"] = handover_state_name(view.state);
  if (view.change) {
    out["epoch"] = view.change->epoch;
    out["decision"] = hex(view.change->motion);
    out["outgoing"] = view.change->outgoing.str();
    out["incoming"] = view.change->incoming.str();
  }
  if (view.handover) {
    out["statement"] = hex(view.digest);
    out["signed"] = codec::to_rfc3339(view.signed_ms);
    out["inventory"] = inventory_json(view.handover->inventory);
    add_text(out, "note", view.handover->note);
  }
  if (view.accept) {
    out["accepted"] = codec::to_rfc3339(view.accepted_ms);
    add_text(out, "accept_note", view.accept->note);
  }
  json::array differences;
  for (auto const& one : view.differences)
    differences.push_back({{"fault", inventory_fault_name(one.fault)},
                           {"motion", hex(one.motion)},
                           {"title", one.title}});
  out["differences"] = std::move(differences);
  return out;
}

}  // namespace amic::consent

// amic community found, show, press, launch, verify, join, status, export
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "codec/codec.h"
#include "consent/view.h"
#include "governance/chronicle.h"
#include "json/json.h"
#include "node/commands.h"
#include "node/community_view.h"
#include "node/files.h"
#include "node/local_api.h"

namespace amic::node {

namespace {

using consent::InstrumentKind;

struct Arguments {
  std::string dir, out, draft, hash, transcript, file, passphrase_from, what = "transcript";
  std::string name, tor, sop, concept_file, chair, chair_order;
  std::vector<std::string> cards, presses;
  std::vector<std::uint16_t> suites = {1};
};

// The error of a file's contents, with the file in front.
tl::unexpected<Error> in_file(std::string const& file, Error const& error) {
  return fail(error.code, file + (error.where.empty() ? "" : ": " + error.where), error.detail);
}

template <class T>
Result<T> read_as(std::string const& file, Result<T> (*parse)(std::string_view)) {
  AMIC_TRY(std::string const text, read_file(file));
  auto value = parse(text);
  if (!value) return in_file(file, value.error());
  return value;
}

Result<std::vector<MemberId>> parse_members(std::string_view text) {
  std::vector<MemberId> out;
  while (!text.empty()) {
    std::size_t const comma = std::min(text.find(','), text.size());
    AMIC_TRY(out.emplace_back(), MemberId::parse(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

Result<Output> found(Arguments const& a, Context& context) {
  Founding founding;
  founding.community_name = a.name;
  founding.suites = a.suites;
  for (auto const& file : a.cards) {
    AMIC_TRY(auto card, read_as(file, consent::card_from_text));
    founding.cards.push_back(std::move(card));
  }
  for (auto const& [kind, file] :
       {std::pair{InstrumentKind::kTor, a.tor}, std::pair{InstrumentKind::kSop, a.sop},
        std::pair{InstrumentKind::kConcept, a.concept_file}}) {
    if (file.empty()) continue;
    AMIC_TRY(founding.texts[kind], read_file(file));
  }
  AMIC_TRY(founding.chair_order, parse_members(a.chair_order));
  if (!a.chair.empty()) {
    AMIC_TRY(founding.chair, MemberId::parse(a.chair));
  }
  AMIC_TRY(auto const draft, found_community(std::move(founding), context.clock));
  AMIC_TRY(auto const head, consent::decode_head(draft.head_bytes));
  Output out;
  AMIC_TRY_VOID(write_new_file(a.out, consent::to_text(draft)));
  out.text = "Wrote " + a.out + ".\n\n" + consent::show(draft);
  out.json = draft_json(draft, head);
  return out;
}

// A draft or a transcript, told apart by the armour.
Result<Output> show_file(Arguments const& a) {
  AMIC_TRY(std::string const text, read_file(a.file));
  Output out;
  if (text.find("BEGIN AMIC LAUNCH") != std::string::npos) {
    AMIC_TRY(auto const transcript, read_as(a.file, consent::transcript_from_text));
    AMIC_TRY(auto const community, consent::community_of(transcript));
    out.text = transcript_text(transcript, community);
    out.json = transcript_json(transcript, community);
    return out;
  }
  AMIC_TRY(auto const draft, read_as(a.file, consent::draft_from_text));
  AMIC_TRY(auto const head, consent::decode_head(draft.head_bytes));
  out.text = consent::show(draft);
  out.json = draft_json(draft, head);
  return out;
}

Result<Output> press(Arguments const& a, Context& context) {
  AMIC_TRY(Hash const read_hash, parse_hash(a.hash));
  AMIC_TRY(auto const draft, read_as(a.draft, consent::draft_from_text));
  AMIC_TRY_VOID(check_read_hash(draft, read_hash));  // before anybody types a passphrase
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const made, press_draft(dir, draft, read_hash, passphrase, context.clock));
  Output out;
  AMIC_TRY_VOID(write_new_file(a.out, consent::to_text(made)));
  out.text = made.member.str() + " has pressed. Wrote " + a.out + ".\n";
  out.json = press_json(made);
  return out;
}

Result<Output> launch(Arguments const& a) {
  AMIC_TRY(auto const draft, read_as(a.draft, consent::draft_from_text));
  std::vector<consent::Press> presses;
  for (auto const& file : a.presses) {
    AMIC_TRY(auto one, read_as(file, consent::press_from_text));
    presses.push_back(std::move(one));
  }
  AMIC_TRY(auto const transcript, consent::launch(draft, std::move(presses)));
  AMIC_TRY(auto const community, consent::community_of(transcript));
  Output out;
  AMIC_TRY_VOID(write_new_file(a.out, consent::to_text(transcript)));
  out.text = "Wrote " + a.out + ".\n\n" + transcript_text(transcript, community);
  out.json = transcript_json(transcript, community);
  return out;
}

bool is_history(std::string_view text) {
  return text.find("BEGIN AMIC HISTORY") != std::string_view::npos;
}

Result<governance::HistoryFile> read_history(std::string const& file) {
  AMIC_TRY(std::string const text, read_file(file, 2 * governance::kHistoryFileBytesMax));
  auto out = governance::history_file_from_text(text);
  if (!out) return in_file(file, out.error());
  return out;
}

// From the launch to the head in force, with nothing but the file.
Result<Output> verify_history_file(Arguments const& a) {
  AMIC_TRY(auto const file, read_history(a.file));
  auto const begin = std::chrono::steady_clock::now();
  unsigned const threads = std::max(1U, std::thread::hardware_concurrency());
  auto const history = consent::verify_history(file.transcript, file.decisions, threads);
  if (!history) return in_file(a.file, history.error());
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", took.count());
  auto const& now = history->now;
  Output out;
  out.text = a.file + ": good\n" + now.head.community_name + "\n  " +
             consent::spaced_hex(now.id.view()) + "\n" + std::to_string(file.decisions.size()) +
             " decisions verified from the launch on, in " + seconds + " s\nHead of epoch " +
             std::to_string(now.head.epoch) + ", " + std::to_string(now.head.members.size()) +
             " members, chair " + now.head.chair.str() + "\n  " +
             consent::spaced_hex(now.head_digest.view()) + "\n";
  for (auto const& chapter : history->chapters)
    out.text += "  epoch " + std::to_string(chapter.epoch) + "  " +
                codec::to_rfc3339(chapter.decided_ms) + "  " +
                std::string(consent::motion_kind_name(chapter.kind)) + "  " + chapter.title + "\n";
  json::object object;
  object["community"] = codec::to_hex(now.id.view());
  object["epoch"] = now.head.epoch;
  object["head"] = codec::to_hex(now.head_digest.view());
  object["seconds"] = took.count();
  object["decisions"] = consent::history_json(history->chapters);
  out.json = json::serialize(object);
  return out;
}

// A running node's history, for auditors and for who is to join.
Result<Output> write_history(ApiArguments const& api, std::string const& to) {
  AMIC_TRY(auto const client, ApiClient::connect(api));
  std::string contents;
  net::Request request;
  request.target = "/api/v1/history/file";
  AMIC_TRY_VOID(client->transfer(std::move(request), [&](std::string_view chunk) {
    contents += chunk;
    return true;
  }));
  Output out;
  AMIC_TRY_VOID(deliver(to, contents, out));
  if (out.text.empty())
    out.text = "Wrote " + to + ". Verify it: amic community verify " + to + "\n";
  out.json = json::serialize(json::object{{"out", to}, {"bytes", contents.size()}});
  return out;
}

Result<Output> verify(Arguments const& a) {
  AMIC_TRY(std::string const text, read_file(a.file, 2 * governance::kHistoryFileBytesMax));
  if (is_history(text)) return verify_history_file(a);
  AMIC_TRY(auto const transcript, read_as(a.file, consent::transcript_from_text));
  AMIC_TRY(auto const community, consent::community_of(transcript));
  Output out;
  out.text = a.file + ": good\n\n" + transcript_text(transcript, community);
  out.json = transcript_json(transcript, community);
  return out;
}

// By a decision instead of the launch.
Result<Output> join_later(Arguments const& a, DataDir const& dir, std::string const& text,
                          Context& context) {
  auto const file = governance::history_file_from_text(text);
  if (!file) return in_file(a.transcript, file.error());
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const community, join_by_history(dir, *file, passphrase));
  AMIC_TRY(auto const card, dir.card());
  return Output{community_text(community, card), community_json(community, card)};
}

Result<Output> join(Arguments const& a, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(std::string const text, read_file(a.transcript, 2 * governance::kHistoryFileBytesMax));
  if (is_history(text)) return join_later(a, dir, text, context);
  AMIC_TRY(auto const transcript, read_as(a.transcript, consent::transcript_from_text));
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const community, join_community(dir, transcript, passphrase));
  AMIC_TRY(auto const card, dir.card());
  return Output{community_text(community, card), community_json(community, card)};
}

Result<Output> status(Arguments const& a) {
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(auto const community, load_community(dir));
  AMIC_TRY(auto const card, dir.card());
  return Output{community_text(community, card), community_json(community, card)};
}

Result<Output> export_from(Arguments const& a) {
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(auto const transcript, dir.launch());
  AMIC_TRY(auto const community, load_community(dir));
  std::string contents;
  if (a.what == "transcript") {
    contents = consent::to_text(*transcript);
  } else if (a.what == "head") {
    contents = as_text(transcript->draft.head_bytes);
  } else {
    for (auto const& [kind, text] : community.texts)
      if ((a.what == "tor" && kind == InstrumentKind::kTor) ||
          (a.what == "sop" && kind == InstrumentKind::kSop) ||
          (a.what == "concept" && kind == InstrumentKind::kConcept))
        contents = text;
    if (contents.empty()) return fail(Code::kNotFound, a.what, "the community has none");
  }
  Output out;
  AMIC_TRY_VOID(deliver(a.out, contents, out));
  if (out.text.empty()) out.text = "Wrote " + a.out + ".\n";
  json::object object;
  object["what"] = a.what;
  object["out"] = a.out;
  if (a.what == "head")  // the only one that is not text
    object["base64"] = codec::to_base64(as_bytes(contents));
  else
    object["text"] = contents;
  out.json = json::serialize(object);
  return out;
}

using Shared = std::shared_ptr<Arguments>;

void add_found(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("found", "Draft the genesis from the founders' cards");
  auto const a = std::make_shared<Arguments>();
  command->add_option("--name", a->name, "Name of the community")->required();
  command->add_option("--card", a->cards, "Card files, one for each founder")->required();
  command->add_option("--tor", a->tor, "Terms of reference, Markdown")->required();
  command->add_option("--sop", a->sop, "Standard operating procedures, Markdown")->required();
  command->add_option("--concept", a->concept_file, "Concept document, Markdown");
  command->add_option("--chair-order", a->chair_order,
                      "Members in the order of the chair, A,B,C; default: by English name");
  command->add_option("--chair", a->chair, "First chair; default: the first of the order");
  command->add_option("--suite", a->suites, "Allowed cryptographic suites")->capture_default_str();
  command->add_option("--out", a->out, "New file for the draft")->required();
  command->footer(
      "The draft holds the exact bytes that every founder will press, and the texts.\n"
      "\n"
      "Example:\n"
      "  amic community found --name \"Sample Community\" --card BN-card.txt MY-card.txt \\\n"
      "      SG-card.txt --tor tor.md --sop sop.md --out draft.txt");
  on_run(*command, context, [a, &context] { return found(*a, context); });
}

void add_press(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("press", "Sign the draft for this member");
  auto const a = std::make_shared<Arguments>();
  command->add_option("--dir", a->dir, "Data directory")->required();
  command->add_option("--draft", a->draft, "Draft file")->required();
  command->add_option("--hash", a->hash, "The hash that was shown and read aloud")->required();
  command->add_option("--out", a->out, "New file for the press")->required();
  command->add_option("--passphrase-from", a->passphrase_from,
                      "file:PATH, fd:N, env:NAME or prompt; default: as in config.toml");
  command->footer(
      "Refuses if the draft's hash is not the one given: what is signed is what was read.\n"
      "\n"
      "Example:\n"
      "  amic community press --dir my --draft draft.txt --out MY-press.txt \\\n"
      "      --hash \"0123abcd 4567ef01 ...\"");
  on_run(*command, context, [a, &context] { return press(*a, context); });
}

void add_launch(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("launch", "Join draft and presses into the transcript");
  auto const a = std::make_shared<Arguments>();
  command->add_option("--draft", a->draft, "Draft file")->required();
  command->add_option("--press", a->presses, "Press files, one from each founder")->required();
  command->add_option("--out", a->out, "New file for the transcript")->required();
  command->footer(
      "Names every press that is missing, doubled, foreign or altered, and then writes nothing.\n"
      "\n"
      "Example:\n"
      "  amic community launch --draft draft.txt --press BN-press.txt MY-press.txt \\\n"
      "      SG-press.txt --out launch.txt");
  on_run(*command, context, [a] { return launch(*a); });
}

void add_join(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("join", "Install the transcript into this node");
  auto const a = std::make_shared<Arguments>();
  command->add_option("--dir", a->dir, "Data directory")->required();
  command
      ->add_option("--transcript", a->transcript,
                   "Transcript file, or history file of a community that was joined later")
      ->required();
  command->add_option("--passphrase-from", a->passphrase_from,
                      "file:PATH, fd:N, env:NAME or prompt; default: as in config.toml");
  command->footer(
      "Verifies the transcript and every decision since, that this node's own card is in the head\n"
      "in force, and that its keys match.\n"
      "\n"
      "Examples:\n  amic community join --dir my --transcript launch.txt\n"
      "  amic community join --dir tl --transcript history.txt");
  on_run(*command, context, [a, &context] { return join(*a, context); });
}

void add_readers(CLI::App& group, Context& context) {
  auto const a = std::make_shared<Arguments>();
  auto* show = group.add_subcommand("show", "Show a draft or a transcript to people");
  show->add_option("FILE", a->file, "Draft or transcript")->required();
  show->footer("Example:\n  amic community show draft.txt");
  on_run(*show, context, [a] { return show_file(*a); });

  auto* check =
      group.add_subcommand("verify", "Verify a transcript or a whole history; needs nothing else");
  check->add_option("FILE", a->file, "Transcript, or history file")->required();
  check->footer(
      "Of a history every decision since the launch is verified. The first that is wrong is named "
      "with\nits epoch.\n\nExamples:\n  amic community verify launch.txt\n"
      "  amic community verify history.txt");
  on_run(*check, context, [a] { return verify(*a); });

  auto* stand = group.add_subcommand("status", "The community that this node has joined");
  stand->add_option("--dir", a->dir, "Data directory")->required();
  stand->footer("Example:\n  amic community status --dir my --json");
  on_run(*stand, context, [a] { return status(*a); });

  auto const h = std::make_shared<std::pair<ApiArguments, std::string>>();
  auto& told = add_api_command(
      group, "history", "Write every decision since the launch, as one file that verifies offline",
      h->first);
  told.add_option("--out", h->second, "New file; default: print it");
  told.footer("Example:\n  amic community history --dir my --out history.txt");
  on_run(told, context, [h] { return write_history(h->first, h->second); });

  auto* give = group.add_subcommand("export", "Write the transcript or a text in force");
  give->add_option("--dir", a->dir, "Data directory")->required();
  give->add_option("--what", a->what, "transcript, head, tor, sop or concept")
      ->check(CLI::IsMember({"transcript", "head", "tor", "sop", "concept"}))
      ->capture_default_str();
  give->add_option("--out", a->out, "New file; default: print it");
  give->footer("Example:\n  amic community export --dir my --what tor --out tor.md");
  on_run(*give, context, [a] { return export_from(*a); });
}

}  // namespace

void add_community_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("community", "Found, launch and join a community");
  group->require_subcommand(1);
  add_found(*group, context);
  add_press(*group, context);
  add_launch(*group, context);
  add_join(*group, context);
  add_readers(*group, context);
}

}  // namespace amic::node

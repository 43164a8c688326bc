// amic motion: what is proposed, what it would change, and this member's words about it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/motion_view.h"
#include "node/saying.h"

namespace amic::node {

namespace {
struct MotionArguments {
  ApiArguments api;
  SigningArguments signing;
  std::string id, kind, title, verb, deadline, standing_class, supersedes;
  std::vector<std::string> texts;  // TOR=FILE
  std::string effective, card, chair, host, order, skip, rules, participants, text, annex_title;
  std::optional<std::uint64_t> number, chair_position;
  bool next = false, no_host = false, open = false;
  std::string position, reason, yes, place, to, view, file, out;
};
using A = MotionArguments const&;

std::string path_of(std::string const& id, std::string const& act = {}) {
  return "/api/v1/motions/" + net::percent_encode(id) + (act.empty() ? "" : "/" + act);
}

Result<json::object> get_object(ApiClient& client, std::string const& target,
                                std::string* text = nullptr) {
  AMIC_TRY(auto answer, client.get(target));
  AMIC_TRY(auto value, json::parse(answer));
  if (text != nullptr) *text = std::move(answer);
  return std::move(value.as_object());
}

std::string digits_of(std::string_view text) {
  std::string out;
  for (char const c : text)
    if (c != ' ') out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// A whole id, or its first eight digits at least, if only one motion has them.
Result<std::string> resolve(ApiClient& client, std::string const& given) {
  auto const id = digits_of(given);
  if (id.size() == 64) return id;
  if (id.size() < 8) return fail(Code::kUsage, "ID", "at least its first eight digits");
  AMIC_TRY(auto const list, get_object(client, "/api/v1/motions"));
  std::string found;
  for (auto const& one : list.at("motions").as_array()) {
    auto const name = field(one.as_object(), "id");
    if (!name.starts_with(id)) continue;
    if (!found.empty()) return fail(Code::kConflict, "ID", "more than one motion begins so");
    found = name;
  }
  if (found.empty()) return fail(Code::kNotFound, "ID", "no motion on the head in force begins so");
  return found;
}

Result<Output> list(A a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  Output out;
  AMIC_TRY(auto const answer, get_object(*client, "/api/v1/motions", &out.json));
  out.text = "Epoch " + field(answer, "epoch") + ", round " + field(answer, "round") + ", chair " +
             field(answer, "chair") + "\n";
  if (field(answer, "trust") != "clear")
    out.text += "This node does not sign yet: " + field(answer, "trust") + "\n";
  for (auto const& one : answer.at("motions").as_array()) out.text += motion_line(one.as_object());
  if (answer.at("motions").as_array().empty()) out.text += "Nothing is proposed.\n";
  return out;
}

Result<Output> show(A a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const id, resolve(*client, a.id));
  Output out;
  AMIC_TRY(auto const motion, get_object(*client, path_of(id), &out.json));
  out.text = motion_text(motion);
  return out;
}

std::string said_text(json::object const& said) {
  return field(said, "sent") == "true" ? "Signed and sent.\n"
                                       : "It waits for a signature: amic motion sign\n";
}

Result<Output> finish(Result<json::object> said, std::string const& what) {
  if (!said) return fail(said.error());
  std::string text = what + said_text(*said);
  if (said->contains("reason_error"))
    text += "Its reason was NOT sent to the chair: " +
            field(said->at("reason_error").as_object(), "detail") + "\n";
  return Output{std::move(text), json::serialize(*said)};
}

// ---- proposing --------------------------------------------------------------------------------

Result<void> add_texts(A a, json::object& request) {
  json::array texts;
  for (auto const& one : a.texts) {
    auto const equals = one.find('=');
    if (equals == std::string::npos)
      return fail(Code::kUsage, "--instrument", "KIND=FILE, e.g. TOR=tor.md");
    json::object row;
    row["instrument"] = one.substr(0, equals);
    AMIC_TRY(auto text, read_file(one.substr(equals + 1)));
    row["text"] = std::move(text);
    if (!a.effective.empty()) row["effective"] = a.effective;
    texts.push_back(std::move(row));
  }
  if (!texts.empty()) request["texts"] = std::move(texts);
  return {};
}

Result<json::object> proposal(A a) {
  json::object out;
  if (!a.rules.empty()) {
    AMIC_TRY(auto const text, read_file(a.rules));
    auto rules = json::parse(text);
    if (!rules)
      return fail(rules.error().code, a.rules + rules.error().where, rules.error().detail);
    if (!rules->is_object()) return fail(Code::kWrongType, a.rules, "an object is wanted");
    out = rules->get_object();
  }
  std::string kind = a.kind;
  std::replace(kind.begin(), kind.end(), '-', '_');
  out["kind"] = kind;
  out["title"] = a.title;
  for (auto const& [name, value] :
       {std::pair{"verb", &a.verb}, std::pair{"deadline", &a.deadline},
        std::pair{"standing_class", &a.standing_class}, std::pair{"supersedes", &a.supersedes},
        std::pair{"chair", &a.chair}, std::pair{"host", &a.host},
        std::pair{"annex_title", &a.annex_title}})
    if (!value->empty()) out[name] = *value;
  if (a.no_host) out["host"] = "";
  if (a.next) out["next"] = true;
  for (auto const& [name, value] : {std::pair{"order", &a.order}, std::pair{"skip", &a.skip},
                                    std::pair{"participants", &a.participants}})
    if (!value->empty()) out[name] = comma_separated(*value);
  if (a.number) out["number"] = *a.number;
  if (a.chair_position) out["chair_position"] = *a.chair_position;
  if (!a.card.empty()) {
    AMIC_TRY(auto card, read_file(a.card));
    out["card"] = std::move(card);
  }
  if (!a.text.empty()) {
    AMIC_TRY(auto text, text_or_file(a.text));
    out["text"] = std::move(text);
  }
  AMIC_TRY_VOID(add_texts(a, out));
  return out;
}

Result<Output> propose(A a, Context& context) {
  AMIC_TRY(auto const request, proposal(a));
  AMIC_TRY(auto const said, say(a.api, a.signing, "/api/v1/motions", request, context));
  return finish(said, "Motion " + grouped(field(said, "motion")) +
                          "\nIt is no answer: give this member's position with amic motion "
                          "answer.\n");
}

// ---- answering --------------------------------------------------------------------------------

// The person types what was shown, so that nothing is signed unread.
Result<void> confirm(A a, std::string const& next_head, Context& context) {
  std::string typed = a.yes;
  if (typed.empty()) {
    if (::isatty(STDIN_FILENO) == 0)
      return fail(Code::kUsage, "--yes", "the first eight digits of the hash that was shown");
    context.err << "To sign, type the first eight digits of the hash: " << std::flush;
    std::getline(std::cin, typed);
  }
  typed = digits_of(typed);
  if (typed.size() < 8) return fail(Code::kUsage, "--yes", "at least eight digits of the hash");
  if (!next_head.starts_with(typed))
    return fail(Code::kConflict, "hash",
                "the hash of this motion is " + grouped(next_head) + ": nothing was signed");
  return {};
}

Result<Output> answer(A a, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const id, resolve(*client, a.id));
  AMIC_TRY(auto const motion, get_object(*client, path_of(id)));
  auto const next_head = field(motion, "next_head");
  std::string position = a.position;
  std::replace(position.begin(), position.end(), '-', '_');
  context.err << motion_text(motion) << "\nPosition: " << position << "\n";
  AMIC_TRY_VOID(confirm(a, next_head, context));
  json::object request{{"position", position}, {"next_head", next_head}};
  if (!a.text.empty()) {
    AMIC_TRY(auto text, text_or_file(a.text));
    request["text"] = std::move(text);
  }
  if (!a.reason.empty()) {
    AMIC_TRY(auto reason, text_or_file(a.reason));
    request["reason"] = std::move(reason);
  }
  if (a.open) request["open"] = true;
  return finish(say(a.api, a.signing, path_of(id, "position"), request, context),
                "Position " + position + " on " + field(motion, "title") + ". ");
}

// ---- other words ------------------------------------------------------------------------------

Result<Output> word(A a, Context& context, std::string const& act, json::object request,
                    std::string const& what) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const id, resolve(*client, a.id));
  if (!a.text.empty()) {
    AMIC_TRY(auto text, text_or_file(a.text));
    request["text"] = std::move(text);
  }
  return finish(say(a.api, a.signing, path_of(id, act), request, context), what);
}

Result<Output> join_accept(A a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const id, resolve(*client, a.id));
  AMIC_TRY(auto const text, read_file(a.file));
  AMIC_TRY(auto const answer, client->post(path_of(id, "join-accept"),
                                           json::serialize(json::object{{"accept", text}})));
  return Output{"The joiner's word is taken and goes to all members.\n", answer};
}

Result<Output> export_motion(A a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const id, resolve(*client, a.id));
  std::string contents;
  net::Request request;
  request.target = "/api/v1/history/file?motion=" + id;
  AMIC_TRY_VOID(client->transfer(std::move(request), [&](std::string_view chunk) {
    contents += chunk;
    return true;
  }));
  Output out;
  AMIC_TRY_VOID(deliver(a.out, contents, out));
  if (out.text.empty())
    out.text = "Wrote " + a.out +
               ": the history and the motion. Who is to join verifies it with\n"
               "amic motion accept " +
               a.out + "\n";
  out.json = json::serialize(json::object{{"out", a.out}, {"motion", id}});
  return out;
}

Result<Output> round_change(A a, Context& context) {
  return finish(say(a.api, a.signing, "/api/v1/consent/round", {}, context),
                "This member has left the round. The next opens when all have. ");
}

// Signs all that waits under the key that is given.
Result<Output> sign(A a, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const state, get_object(*client, "/api/v1/consent"));
  json::array done;
  std::string text, refused;
  for (auto const& one : state.at("unsigned").as_array()) {
    auto const made = signed_answer(*client, a.api, a.signing, json::serialize(one), context);
    auto const name =
        field(one.as_object(), "kind") + " " + grouped(field(one.as_object(), "statement"));
    if (!made && made.error().code == Code::kWrongIdentity) {
      refused += "Waits for another key: " + name + "\n";
      continue;
    }
    if (!made) return fail(made.error());
    text += "Signed: " + name + "\n";
    AMIC_TRY(auto value, json::parse(*made));
    done.push_back(std::move(value));
  }
  if (text.empty() && !refused.empty())
    return fail(Code::kWrongIdentity, "--key", "no statement waits for this key");
  if (text.empty()) text = "Nothing waits for a signature.\n";
  return Output{text + refused, json::serialize(json::object{{"signed", std::move(done)}})};
}

// ---- the command line -------------------------------------------------------------------------

using Shared = std::shared_ptr<MotionArguments>;
struct Command {
  CLI::App* app;
  Shared arguments;
};
using Body = std::function<Result<Output>(A, Context&)>;

Command add(CLI::App& group, Context& context, char const* name, char const* help, bool signs,
            Body body) {
  auto const a = std::make_shared<MotionArguments>();
  auto& command = add_api_command(group, name, help, a->api);
  if (signs) add_signing_options(command, a->signing);
  on_run(command, context, [a, body = std::move(body), &context] { return body(*a, context); });
  return {&command, a};
}
void add_id(Command const& command) {
  command.app->add_option("ID", command.arguments->id, "The motion, or its first eight digits")
      ->required();
}

void add_propose(CLI::App& group, Context& context) {
  auto const [command, a] =
      add(group, context, "propose", "Circulate a motion; it is no answer to it", true, propose);
  command
      ->add_option("KIND", a->kind,
                   "amend, admit, replace-keys, leave, chair, rules, participation or announce")
      ->required();
  command->add_option("--title", a->title, "What it is called")->required();
  command->add_option("--verb", a->verb, "note, acknowledge, endorse, adopt (default), approve");
  command->add_option("--deadline", a->deadline, "RFC 3339; a wish, never a rule");
  command->add_option("--standing-class", a->standing_class, "For which standing consents apply");
  command->add_option("--supersedes", a->supersedes, "The motion that this text revises");
  command->add_option("--instrument", a->texts, "amend: KIND=FILE, e.g. TOR=tor.md; repeatable");
  command->add_option("--effective", a->effective, "amend: from when, RFC 3339");
  command->add_option("--card", a->card, "admit, replace-keys: card file");
  command->add_option("--chair-position", a->chair_position,
                      "admit: place in the order of the chair, from 0; default: by English name");
  command->add_flag("--next", a->next, "chair: whose turn is next");
  command->add_option("--skip", a->skip, "chair --next: passed over, A,B");
  command->add_option("--chair", a->chair, "chair: by name");
  command->add_option("--host", a->host, "chair: host of the meetings");
  command->add_flag("--no-host", a->no_host, "chair: nobody hosts");
  command->add_option("--order", a->order, "chair: a new order, A,B,C");
  command->add_option("--rules", a->rules,
                      "rules: JSON file with suites, precedence_seconds, limits, classes; what it "
                      "does not name stays");
  command->add_option("--number", a->number, "participation: number of the annex; default: new");
  command->add_option("--annex-title", a->annex_title, "participation: default: the title");
  command->add_option("--participants", a->participants, "participation: A,B");
  command->add_option("--text", a->text, "participation, announce: the text, or @FILE");
  command->footer(
      "Examples:\n"
      "  amic motion propose amend --dir my --title \"Article 3\" --instrument TOR=tor.md\n"
      "  amic motion propose admit --dir my --title \"Admit TL\" --card TL-card.txt\n"
      "  amic motion propose chair --dir my --title \"Chair of 2027\" --next");
}

void add_answer(CLI::App& group, Context& context) {
  auto const command =
      add(group, context, "answer", "Give this member's position; it is final", true, answer);
  add_id(command);
  auto const& [app, a] = command;
  app->add_option("POSITION", a->position,
                  "agree, no-objection, agree-with-statement, not-yet, object or "
                  "does-not-participate")
      ->required();
  app->add_option("--text", a->text, "agree-with-statement: the statement, or @FILE");
  app->add_option("--reason", a->reason, "object: to the chair alone, or @FILE");
  app->add_flag("--open", a->open, "object: the reason is for all members");
  app->add_option("--yes", a->yes, "The first eight digits, or more, of the hash that was shown");
  app->footer(
      "Shows what the motion changes and the hash, on stderr, and signs exactly that hash.\n"
      "\n"
      "Example:\n  amic motion answer --dir my 5f0c2a91 agree --yes 9a31c07d");
}

void add_words(CLI::App& group, Context& context) {
  auto const comment =
      add(group, context, "comment", "Comment on a paragraph, for all", true, [](A a, Context& c) {
        return word(a, c, "comments", {{"place", a.place}}, "");
      });
  add_id(comment);
  comment.app->add_option("--place", comment.arguments->place, "\"TOR, Article 3(2)\"")->required();
  auto const remark = add(group, context, "remark", "Remark to one other member, in confidence",
                          true, [](A a, Context& c) {
                            return word(a, c, "remarks", {{"to", a.to}}, "");
                          });
  add_id(remark);
  remark.app->add_option("--to", remark.arguments->to, "Member")->required();
  for (auto const& one : {comment, remark})
    one.app->add_option("--text", one.arguments->text, "The text, or @FILE")->required();
  auto const indicate = add(group, context, "indicate", "How it is seen today; binds nobody", true,
                            [](A a, Context& c) {
                              return word(a, c, "indication", {{"view", a.view}}, "");
                            });
  add_id(indicate);
  indicate.app->add_option("VIEW", indicate.arguments->view, "support, reserve or against")
      ->required();
  for (auto const& [name, help] :
       {std::pair{"shelve", "Put it at rest, a normal outcome: proposer or chair"},
        std::pair{"withdraw", "Withdraw it: the proposer"},
        std::pair{"resume", "Take it up again: proposer or chair"}}) {
    auto const act =
        add(group, context, name, help, true,
            [act = std::string(name)](A a, Context& c) { return word(a, c, act, {}, ""); });
    add_id(act);
    act.app->add_option("--text", act.arguments->text, "Why, or @FILE");
  }
  add_id(add(group, context, "declare", "The chair's word that consensus is reached", true,
             [](A a, Context& c) { return word(a, c, "declare", {}, ""); }));
}
}  // namespace

void add_motion_commands(CLI::App& app, Context& context) {
  auto& group = *app.add_subcommand(
      "motion", "Decisions by consent: what is proposed, and this member's position");
  group.require_subcommand(1);
  add(group, context, "list", "What is proposed on the head in force", false,
      [](A a, Context&) { return list(a); });
  add_id(add(group, context, "show", "Article diff, effect, hash, comments", false,
             [](A a, Context&) { return show(a); }));
  add_propose(group, context);
  add_answer(group, context);
  add_words(group, context);
  auto const bring = add(group, context, "join-accept", "Bring the joiner's signed word", false,
                         [](A a, Context&) { return join_accept(a); });
  bring.app->add_option("FILE", bring.arguments->file, "From amic motion accept")->required();
  add_id(bring);
  auto const give = add(group, context, "export", "The history with a motion, for who is to join",
                        false, [](A a, Context&) { return export_motion(a); });
  add_id(give);
  give.app->add_option("--out", give.arguments->out, "New file")->required();
  add(group, context, "round-change", "Leave the round that is open", true, round_change);
  add(group, context, "sign", "Sign what waits for a signature", true, sign);
  add_motion_accept(group, context);
  group.footer("Example:\n  amic motion list --dir my\n  amic motion show --dir my 5f0c2a91");
}

}  // namespace amic::node
